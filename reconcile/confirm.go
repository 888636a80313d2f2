package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// ErrUnconfirmed: nobody confirmed a run in time, and what was before is back.
var ErrUnconfirmed = errors.New("not confirmed in time")

// Trial is a run that is taken back unless somebody confirms it in time. It is
// written down before the run changes anything: whoever dies, whoever comes
// next finds the way back.
type Trial struct {
	Version    int           `json:"version"`
	Run        string        `json:"run"`
	By         string        `json:"by"`
	Stack      string        `json:"stack"`
	Back       int           `json:"back"` // the stack's generation before; 0: none
	Containers []Tried       `json:"containers,omitempty"`
	Window     time.Duration `json:"window_ns"`
	Until      time.Time     `json:"until,omitzero"` // zero: the run is not at its end yet
	Boot       string        `json:"boot,omitempty"` // the host's, at Until: no deadline outlives it
	Failed     string        `json:"failed,omitempty"`
}

// Tried is one container of a trial.
type Tried struct {
	Name string `json:"name"`
	UUID string `json:"uuid"`
	From int    `json:"from"` // 0: it was made
	To   int    `json:"to"`
}

// confirmable refuses what a rollback would not undo.
func confirmable(p plan.Plan) error {
	for _, c := range p.Acting() {
		switch c.Action {
		case plan.Retire, plan.Forget, plan.Adopt, plan.Rename:
			return fmt.Errorf("%w: --confirm can't take it back when %s is to be part of it (%s); apply that by itself, without --confirm", ErrPolicy, c.Name, c.Action)
		}
	}
	return nil
}

// try writes down that a run begins which is to be confirmed.
func (e *Engine) try(p plan.Plan, run apply.Run, window time.Duration) error {
	back, err := e.State.StackBook(p.Stack).Current()
	if err != nil {
		return err
	}
	t := Trial{Version: 1, Run: run.ID, By: run.By, Stack: p.Stack, Back: back, Window: window}
	for _, c := range p.Acting() {
		if c.To != c.From {
			t.Containers = append(t.Containers, Tried{c.Name, c.UUID, c.From, c.To})
		}
	}
	return e.State.KeepRun(state.Unconfirmed, run.ID, t)
}

// await begins the time in which a run is to be confirmed, and has somebody
// watch it who outlives us. A run that changed nothing has nothing to confirm.
func (e *Engine) await(ctx context.Context, p plan.Plan, run apply.Run, results []apply.Result) (*Trial, error) {
	var t Trial
	if ok, err := e.State.KeptRun(state.Unconfirmed, run.ID, &t); err != nil || !ok {
		return nil, err
	}
	t.Containers = slices.DeleteFunc(t.Containers, func(c Tried) bool {
		return !slices.ContainsFunc(results, func(r apply.Result) bool { return r.Name == c.Name && r.Outcome == "applied" })
	})
	if len(t.Containers) == 0 && !changesNetworks(p) {
		return nil, e.State.DropRun(state.Unconfirmed, run.ID)
	}
	t.Until, t.Boot = time.Now().Add(t.Window).UTC().Truncate(time.Millisecond), state.Boot()
	if err := e.State.KeepRun(state.Unconfirmed, run.ID, t); err != nil {
		return nil, err
	}
	e.Crash.Point()
	if e.Watcher == nil {
		return &t, nil
	}
	if err := e.Watcher(); err != nil { // also where one is there: it may be about to leave
		return nil, errors.Join(err, e.takeBack(ctx, t, "nobody can watch over it"))
	}
	return &t, nil
}

func changesNetworks(p plan.Plan) bool {
	return slices.ContainsFunc(p.Networks, func(n plan.NetworkPlan) bool { return n.Action != plan.Keep })
}

// attend has a process of its own watch over the trials, where none does.
func (e *Engine) attend() error {
	if e.Watcher == nil || e.State.Watched() {
		return nil
	}
	return e.Watcher()
}

// Attend does so where there are trials. It is for commands that change nothing.
func (e *Engine) Attend() error {
	runs, err := e.State.KeptRuns(state.Unconfirmed)
	if err != nil || len(runs) == 0 {
		return err
	}
	return e.attend()
}

// Trials lists the runs that wait to be confirmed, the oldest first. It
// changes nothing.
func (e *Engine) Trials() ([]Trial, error) {
	return kept(e.State, state.Unconfirmed, func(t Trial) string { return t.Run })
}

// over says why a trial is to be taken back now; "": it is not.
func (t Trial) over(now time.Time) string {
	switch {
	case t.Failed != "":
		return ""
	case t.Until.IsZero():
		return "the run that was to be confirmed was cut short"
	case t.Boot != state.Boot():
		return "not confirmed before the host went down"
	case !now.Before(t.Until):
		return "not confirmed within " + resource.Span(t.Window)
	}
	return ""
}

// resolve takes back what nobody has confirmed in time. Whoever holds the lock
// does so first, so a trial without an end is of somebody who died.
func (e *Engine) resolve(ctx context.Context) error {
	list, err := e.Trials()
	for _, t := range list {
		if why := t.over(time.Now()); why != "" {
			e.progress("run " + t.Run + ": " + why)
			err = errors.Join(err, e.takeBack(ctx, t, why))
		}
	}
	return err
}

// Resolve does what any command does first: it undoes what was cut short and
// takes back what nobody confirmed in time.
func (e *Engine) Resolve(ctx context.Context) error {
	return e.work(ctx, func() error { return nil })
}

// StandBy stays until nothing waits to be confirmed any more, and takes back
// what is not. Of several one watches; the others wait for their turn.
func (e *Engine) StandBy(ctx context.Context) error {
	unlock, err := e.State.WatchLock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for {
		list, err := e.Trials()
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(t Trial) bool { return t.Failed != "" })
		if len(list) == 0 {
			return nil
		}
		if slices.ContainsFunc(list, func(t Trial) bool { return !t.Until.IsZero() && t.over(time.Now()) != "" }) {
			if err := e.Resolve(ctx); err != nil {
				e.progress(err.Error())
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watching):
		}
	}
}

// watching is the time between two looks for a word of somebody.
const watching = 250 * time.Millisecond

// Confirm says that runs are as they shall be: this one, or ("") all that
// wait. Errors: ErrUnknown; ErrUnconfirmed where it comes too late.
func (e *Engine) Confirm(ctx context.Context, run string) ([]Trial, error) {
	return e.answer(ctx, run, func(t Trial) error { return e.State.DropRun(state.Unconfirmed, t.Run) })
}

// Reject takes them back at once.
func (e *Engine) Reject(ctx context.Context, run string) ([]Trial, error) {
	return e.answer(ctx, run, func(t Trial) error {
		t.Until, t.Failed = time.Now().UTC().Truncate(time.Millisecond), ""
		if err := e.State.KeepRun(state.Unconfirmed, t.Run, t); err != nil { // should we die now, the next one goes on
			return err
		}
		e.Crash.Point()
		return e.takeBack(ctx, t, "rejected by "+e.By)
	})
}

func (e *Engine) answer(ctx context.Context, run string, do func(Trial) error) ([]Trial, error) {
	before, err := e.meant(run)
	if err != nil {
		return nil, err
	}
	var done []Trial
	err = e.work(ctx, func() error {
		now, err := e.Trials()
		for _, t := range before {
			if !slices.ContainsFunc(now, func(n Trial) bool { return n.Run == t.Run }) {
				err = errors.Join(err, fmt.Errorf("run %s: %w; what was before is back", t.Run, ErrUnconfirmed))
				continue
			}
			if failed := do(t); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
			done = append(done, t)
		}
		return err
	})
	return done, err
}

// meant are the trials that a word is about: that of a run, or of the first
// letters of its id, or all.
func (e *Engine) meant(run string) ([]Trial, error) {
	list, err := e.Trials()
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(t Trial) bool { return !strings.HasPrefix(t.Run, run) })
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: nothing waits to be confirmed, or it was taken back; `strake status` shows what is there", ErrUnknown)
	}
	if run != "" && len(list) > 1 {
		return nil, fmt.Errorf("%w: several runs begin with %q", ErrUnknown, run)
	}
	return list, nil
}

// takeBack goes back to what was before a trial: once, and without asking
// what is well. Where that fails, all stays as it is then, and says so.
func (e *Engine) takeBack(ctx context.Context, t Trial, why string) error {
	ctx = context.WithoutCancel(ctx)
	err := e.goBack(ctx, t, why)
	if err == nil {
		e.noteRun(t.Run, why)
		return e.State.DropRun(state.Unconfirmed, t.Run)
	}
	t.Failed = err.Error()
	return errors.Join(fmt.Errorf("take back run %s: %w: %w", t.Run, apply.ErrStuck, err), e.State.KeepRun(state.Unconfirmed, t.Run, t))
}

func (e *Engine) goBack(ctx context.Context, t Trial, why string) error {
	in, err := e.look(ctx)
	if err != nil {
		return err
	}
	var targets []Target
	for _, c := range t.Containers {
		st, ok := in.standing[c.Name]
		if !ok || st.Record.ID != c.UUID || st.Generation != c.To {
			continue // it went somewhere else since, by somebody's word
		}
		if err := e.unproven(t, c, st.Container, why); err != nil {
			return err
		}
		e.Crash.Point()
		if c.From == 0 {
			if err := e.putDown(ctx, c.Name, st.Container); err != nil {
				return err
			}
			continue
		}
		targets = append(targets, Target{Container: c.Name, Generation: c.From})
	}
	var networks []resource.Network
	if t.Back > 0 {
		s, err := e.State.StackState(t.Stack, t.Back)
		if err != nil {
			return err
		}
		networks = s.Networks
	}
	p, err := e.planSwitches(ctx, in, targets, networks)
	if err != nil || p.Empty() {
		return err
	}
	p.Stack, p.Message = t.Stack, why
	_, err = e.execute(ctx, generations.Rollback, p, How{back: true})
	return err
}

// unproven writes down that a generation did not last, and holds it.
func (e *Engine) unproven(t Trial, c Tried, made resource.Container, why string) error {
	book := e.State.Book(c.Name)
	if !book.Failed(c.To) {
		err := book.Activate(generations.Activation{
			Time: time.Now().UTC().Truncate(time.Millisecond), Generation: c.To, Run: t.Run, By: e.By, Kind: generations.Apply, Outcome: generations.Failed, Note: why,
		})
		if err != nil {
			return err
		}
	}
	used := ""
	if c.From > 0 {
		if before, err := e.State.Desired(c.Name, c.From); err == nil {
			used = plan.HoldDigest(before)
		}
	}
	return book.Reject(generations.Hold{
		Digest: plan.HoldDigest(made), Generation: c.To, Since: time.Now().UTC(), Run: t.Run, Why: "not confirmed",
	}, used)
}

// putDown stops a container that there was none of before. It is kept.
func (e *Engine) putDown(ctx context.Context, name string, c resource.Container) error {
	if err := e.acting().TakeBack(ctx, name, c); err != nil {
		return err
	}
	err := e.Host.Containers.Stop(ctx, name, putDownTime)
	if errors.Is(err, resource.ErrNotRunning) {
		return nil
	}
	return e.ended(name, err)
}

// putDownTime is how long it may take to shut down.
const putDownTime = 30 * time.Second

// noteRun adds to a run's record what became of it. It is for people.
func (e *Engine) noteRun(run, why string) {
	var out Outcome
	if e.State.Run(run, &out) == nil {
		out.Awaiting, out.Error = nil, why+"; what was before is back"
		_ = e.State.SetRun(run, out)
	}
}

// confirmed refuses to build on what may be taken back yet.
func (e *Engine) confirmed(p plan.Plan) error {
	list, err := e.Trials()
	if err != nil || p.Empty() {
		return err
	}
	for _, t := range list {
		for _, c := range t.Containers {
			if slices.ContainsFunc(p.Acting(), func(a plan.ContainerPlan) bool { return a.Stands() == c.Name }) {
				return fmt.Errorf("%w: %s %s", ErrPolicy, c.Name, t.Says())
			}
		}
		if t.Stack == p.Stack && changesNetworks(p) {
			return fmt.Errorf("%w: stack %s %s", ErrPolicy, t.Stack, t.Says())
		}
	}
	return nil
}

// wayBack refuses to delete what a trial would go back to.
func (e *Engine) wayBack(name string, generation int) error {
	list, err := e.Trials()
	for _, t := range list {
		if slices.ContainsFunc(t.Containers, func(c Tried) bool { return c.Name == name && c.From == generation }) {
			return fmt.Errorf("%w: generation %d is the way back: %s %s", ErrPolicy, generation, name, t.Says())
		}
	}
	return err
}

// Says is what a trial waits for, in words.
func (t Trial) Says() string {
	switch {
	case t.Failed != "":
		return "was not confirmed, and the way back failed: " + t.Failed + "; `strake confirm` leaves it as it is, `strake confirm --reject` tries once more"
	case t.Until.IsZero():
		return "is being changed, and is to be confirmed then"
	}
	return "is awaiting confirmation until " + t.Until.Local().Format("2006-01-02 15:04:05") + "; `strake confirm` keeps it, `strake confirm --reject` takes it back"
}
