package parts

import (
	"slices"
	"testing"

	"strake/cmd/internal/agent"
	"strake/reconcile/event"
)

// TestTurns: only what turns is news, also after a start of the agent.
func TestTurns(t *testing.T) {
	source := func(s agent.State, commit string) event.Event {
		return event.Event{Kind: event.Source, Source: "s", State: string(s), Commit: commit}
	}
	container := func(k event.Kind, o event.Outcome) event.Event {
		return event.Event{Kind: k, Container: "c", Outcome: o}
	}
	w := newTurns([]agent.Standing{{Name: "old", State: agent.Unhealthy}})
	for i, c := range []struct {
		e    event.Event
		want []string
	}{
		{source(agent.OK, "a"), []string{"applied"}},
		{source(agent.OK, "a"), nil},
		{source(agent.OK, "b"), []string{"applied"}},
		{source(agent.Unhealthy, "c"), []string{"failed"}},
		{source(agent.Unhealthy, "c"), nil},
		{source(agent.Unhealthy, "d"), []string{"failed"}},
		{source(agent.Suspended, "d"), nil},
		{source(agent.Held, "d"), nil},
		{source(agent.Held, "da"), []string{"rolled back"}},
		{source(agent.Held, "da"), nil},
		{source(agent.OK, "e"), []string{"recovered"}},
		{source(agent.Rejected, "f"), []string{"refused"}},
		{source(agent.Waiting, "g"), []string{"waiting"}},
		{source(agent.OK, "g"), []string{"recovered"}},
		{source(agent.Held, "h"), []string{"rolled back"}},
		{source(agent.OK, "i"), []string{"recovered"}},
		{event.Event{Kind: event.Source, Source: "old", State: "ok"}, []string{"recovered"}},
		{container(event.Container, event.Begun), nil},
		{container(event.Container, event.Done), nil},
		{container(event.Container, event.Undone), []string{"rolled back"}},
		{container(event.Container, event.Done), []string{"recovered"}},
		{container(event.Drift, event.Found), []string{"drift"}},
		{container(event.Drift, event.Found), nil},
		{container(event.Heal, event.Done), []string{"recovered"}},
		{container(event.Drift, event.Crashed), []string{"drift"}},
		{container(event.Heal, event.Flapping), []string{"flapping"}},
		{container(event.Heal, event.Flapping), nil},
		{container(event.Step, event.Failed), nil},
		{event.Event{Kind: event.Run, Outcome: event.Failed}, nil},
		{event.Event{Kind: event.Store, Outcome: event.Damaged, Error: "image x is damaged"}, []string{"damaged"}},
	} {
		var got []string
		for _, turn := range w.see(c.e) {
			got = append(got, string(turn.Word))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d: %v, not %v", i, got, c.want)
		}
	}
}
