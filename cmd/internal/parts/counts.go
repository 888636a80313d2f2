package parts

import (
	"context"
	"slices"
	"time"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/metrics"
	"strake/reconcile"
	"strake/reconcile/event"
	"strake/reconcile/plan"
)

// count counts what happens, whoever does it: the diary tells of commands as
// well as of the agent.
func (h hang) count(ctx context.Context) error {
	begun := map[string]time.Time{}
	return h.Engine.Diary.Follow(ctx, time.Now().UTC().Truncate(time.Millisecond), func(e event.Event) error {
		h.page.Happened(string(e.Kind), string(e.Outcome))
		switch {
		case e.Kind == event.Run && e.Outcome == event.Begun:
			if len(begun) > 100 { // of runs that were killed
				clear(begun)
			}
			begun[e.Run] = e.Time
		case e.Kind == event.Run && !begun[e.Run].IsZero():
			h.page.Ran(e.Command, string(e.Outcome), e.Time.Sub(begun[e.Run]))
			delete(begun, e.Run)
		case e.Kind == event.Step && e.Step == string(plan.DoStart),
			e.Kind == event.Run && e.Outcome == event.Done && (e.Command == "start" || e.Command == "restart"):
			h.page.Started(e.Container)
		}
		return nil
	})
}

// scene is how all stands, for the page.
func scene(a *agent.Agent, e *reconcile.Engine) (metrics.Scene, error) {
	s := metrics.Scene{}
	for _, state := range agent.States() {
		s.States = append(s.States, string(state))
	}
	for _, src := range a.Status().Sources {
		s.Sources = append(s.Sources, metrics.Source{Name: src.Name, State: string(src.State), Succeeded: src.Succeeded, Waiting: len(src.Waits)})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	list, err := e.Status(ctx)
	for _, c := range list {
		is := func(w reconcile.Standing) bool { return slices.Contains(c.Standings, w) }
		var wanted []metrics.Attempts
		for _, w := range c.Egress {
			wanted = append(wanted, metrics.Attempts{Verdict: w.Verdict, Count: w.Attempts, Bytes: w.Bytes})
		}
		s.Containers = append(s.Containers, metrics.Container{
			Name: c.Name, Stack: c.Stack, Up: c.State.Up(), Generation: c.Generation,
			Drifted: is(reconcile.Drifted), Held: is(reconcile.Held), Failed: is(reconcile.Failed), Pending: is(reconcile.Pending),
			Egress: wanted,
		})
	}
	return s, err
}
