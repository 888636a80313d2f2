package view

import (
	"cmp"
	"fmt"
	"io"

	"strake/reconcile"
	"strake/reconcile/apply"
	"strake/reconcile/event"
	"strake/reconcile/plan"
)

// Outcome writes how a run ended, one line for each container.
func Outcome(w io.Writer, pl plan.Plan, out reconcile.Outcome, s Style) error {
	p := newPrinter(w)
	for _, r := range out.Results {
		text, t := ended(pl, r)
		p.f("%s: %s\n", r.Name, s.paint(t, text))
	}
	if t := out.Awaiting; t != nil {
		p.f("%s\n", s.paint(yellow, "awaiting confirmation until "+Moment(t.Until)+": `strake confirm` keeps it, else what was before comes back"))
	}
	if out.Stack != 0 {
		p.f("stack %s: generation %d\n", cmp.Or(pl.Stack, out.Run.Stack), out.Stack)
	}
	return p.end()
}

// Booted writes how it ended for each container that was down.
func Booted(w io.Writer, out reconcile.Outcome, s Style) error {
	p := newPrinter(w)
	for _, r := range out.Results {
		text, t := ended(plan.Plan{}, r)
		if r.Outcome == "applied" {
			text = fmt.Sprintf("started, generation %d", r.To)
		}
		p.f("%s: %s\n", r.Name, s.paint(t, text))
	}
	return p.end()
}

func ended(pl plan.Plan, r apply.Result) (string, tint) {
	switch r.Outcome {
	case "applied":
		return did(pl, r.Name, r.To), green
	case "rolled back":
		if r.From == 0 {
			return "failed; what was begun is undone", red
		}
		return fmt.Sprintf("failed; back to generation %d", r.From), red
	case "failed":
		return fmt.Sprintf("failed; left in generation %d", r.To), red
	case "stuck":
		return "failed, and so did the way back", red
	case "left":
		return "failed; left as it is", red
	}
	return r.Outcome, yellow
}

// did is the past tense of a plan's action.
func did(pl plan.Plan, name string, to int) string {
	for _, c := range pl.Containers {
		if c.Name != name {
			continue
		}
		switch {
		case purges(c):
			return "destroyed"
		case c.Action == plan.Retire:
			return "retired"
		case c.Action == plan.Forget:
			return "forgotten, left as it is"
		case c.Was != "":
			return fmt.Sprintf("renamed from %s, generation %d", c.Was, to)
		}
		return fmt.Sprintf("%s, generation %d", past(c.Action), to)
	}
	return "done"
}

func past(a plan.Action) string {
	switch a {
	case plan.Create:
		return "created"
	case plan.Adopt:
		return "taken over"
	case plan.Update:
		return "changed live"
	case plan.Restart:
		return "restarted"
	case plan.Stop:
		return "stopped"
	case plan.Recreate:
		return "recreated"
	}
	return "recorded"
}

// Event is one line about what a run is doing; "" for what needs none. All
// steps are shown with detail, else those that take time.
func Event(e event.Event, detail bool) string {
	switch {
	case e.Kind != event.Container && e.Kind != event.Step:
		return ""
	case e.Outcome == event.Failed:
		return e.Container + ": failed: " + Safe(e.Error)
	case e.Outcome == event.Proving:
		return e.Container + ": waiting until it is healthy"
	case e.Outcome == event.Undone:
		return e.Container + ": undone"
	case e.Forced():
		return e.Container + ": " + Safe(e.Error)
	case e.Outcome != event.Begun || e.Step == "":
		return ""
	case detail || e.Step == string(plan.DoStop) || e.Step == string(plan.DoStart):
		return e.Container + ": " + e.Step
	}
	return ""
}
