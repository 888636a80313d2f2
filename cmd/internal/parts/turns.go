package parts

import (
	"strake/cmd/internal/agent"
	"strake/cmd/internal/notify"
	"strake/reconcile/event"
)

// turns finds out of what happens what is news: that something is bad which was
// well, or well again.
type turns struct {
	bad  map[string]bool        // "source NAME", "container NAME"
	last map[string]notify.Turn // of a source
}

// newTurns begins with how sources stand already: what was bad before the
// agent's start is no news.
func newTurns(sources []agent.Standing) *turns {
	w := &turns{map[string]bool{}, map[string]notify.Turn{}}
	for _, s := range sources {
		w.bad["source "+s.Name] = ill(string(s.State)) || s.State == agent.Held
	}
	return w
}

func (w *turns) see(e event.Event) []notify.Turn {
	t := notify.Turn{Time: e.Time, Source: e.Source, Stack: e.Stack, Commit: e.Commit, Container: e.Container, Text: e.Error}
	if t.Text == "" {
		t.Text = e.Message
	}
	switch e.Kind {
	case event.Source:
		t.Word = w.ofState(e.Source, e.Commit, agent.State(e.State))
	case event.Store:
		t.Word, t.Text = notify.Damaged, e.Error+"; "+e.Message
	case event.Container, event.Drift, event.Heal:
		t.Commit = ""
		t.Word = w.ofContainer(e)
	}
	if t.Word == "" || e.Kind == event.Source && w.told(t) {
		return nil
	}
	return []notify.Turn{t}
}

// told says whether the source's last turn was the same, and remembers this one.
func (w *turns) told(t notify.Turn) bool {
	l := w.last[t.Source]
	w.last[t.Source] = t
	return l.Word == t.Word && l.Commit == t.Commit
}

// another says whether a source's last turn was about another commit.
func (w *turns) another(name, commit string) bool {
	l, ok := w.last[name]
	return ok && l.Commit != commit
}

func (w *turns) ofState(name, commit string, s agent.State) notify.Word {
	key := "source " + name
	was := w.bad[key]
	w.bad[key] = ill(string(s)) || was && s != agent.OK
	switch {
	case s == agent.Rejected:
		return notify.Refused
	case ill(string(s)):
		return notify.Failed
	case s == agent.Held && (!was || w.another(name, commit)): // else it was told when it failed
		w.bad[key] = true
		return notify.RolledBack
	case s == agent.Waiting:
		return notify.Waiting
	case s == agent.OK && was:
		return notify.Recovered
	case s == agent.OK:
		return notify.Applied
	}
	return ""
}

func ill(state string) bool {
	switch agent.State(state) {
	case agent.Unhealthy, agent.Broken, agent.Invalid, agent.Unreachable, agent.Rejected:
		return true
	}
	return false
}

func (w *turns) ofContainer(e event.Event) notify.Word {
	key := "container " + e.Container
	was := w.bad[key]
	switch e.Outcome {
	case event.Undone:
		w.bad[key] = true
		return notify.RolledBack
	case event.Kept, event.Stuck:
		w.bad[key] = true
		return notify.Failed
	case event.Flapping:
		w.bad[key] = true // it was drift before: that says nothing of this
		was, w.bad["flapping "+key] = w.bad["flapping "+key], true
		return once(was, notify.Flapping)
	case event.Found, event.Crashed:
		w.bad[key] = true
		return once(was, notify.Drift)
	case event.Failed:
		if e.Kind == event.Heal {
			w.bad[key] = true
			return once(was, notify.Failed)
		}
	case event.Done, event.Gone:
		delete(w.bad, key)
		delete(w.bad, "flapping "+key)
		if was {
			return notify.Recovered
		}
	}
	return ""
}

// once is a word for what was well before.
func once(was bool, w notify.Word) notify.Word {
	if was {
		return ""
	}
	return w
}
