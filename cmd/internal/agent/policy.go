package agent

import (
	"slices"

	"strake/reconcile/plan"
	"strake/spec"
)

// needs is the word of the source's configuration that waves a container's
// part of a plan through; "" where none is needed.
func needs(c plan.ContainerPlan) string {
	switch c.Action {
	case plan.Update:
		return "live"
	case plan.Restart, plan.Stop:
		return "restart"
	case plan.Rename:
		if c.Impact > spec.Live {
			return "restart"
		}
		return "live"
	case plan.Recreate:
		return "recreate"
	case plan.Retire, plan.Forget:
		if c.Removed == "purge" {
			return "purge" // nothing brings it back, so no configuration has the word
		}
		return "prune"
	}
	return ""
}

// approved says whether the source's configuration waves it through.
func approved(s spec.Source, c plan.ContainerPlan) bool {
	switch word := needs(c); word {
	case "":
		return true
	case "prune":
		return s.Prune
	default:
		return slices.Contains(s.Auto, word)
	}
}

// drifted says whether a part of a plan does nothing but undo what was changed
// behind strake's back: that is the healer's, by each container's own word. What
// left the text is no drift.
func drifted(c plan.ContainerPlan) bool {
	return c.Last != nil && c.Want != nil && !c.New && c.From == c.To && !slices.ContainsFunc(c.Changes, func(ch plan.Change) bool {
		return ch.Cause == plan.Changed || ch.Cause == plan.Conflict || ch.Cause == plan.Settled
	})
}

// parts sorts the containers of a plan by what becomes of them in this pass.
type parts struct {
	do     []plan.ContainerPlan
	waits  []string // for approval
	spent  []string // tried already, in vain
	drifts []string
}

// sorted says what of a plan is done, and what is left out and why.
func sorted(s spec.Source, p plan.Plan, tries map[string]Try) parts {
	var out parts
	for _, c := range p.Acting() {
		switch {
		case drifted(c):
			out.drifts = append(out.drifts, c.Name)
		case tried(tries, p.Commit, c):
			out.spent = append(out.spent, c.Name)
		case !approved(s, c):
			out.waits = append(out.waits, c.Name)
		default:
			out.do = append(out.do, c)
		}
	}
	return out
}

// left are the containers that the pass does not touch.
func (p parts) left() []string { return slices.Concat(p.waits, p.spent, p.drifts) }

// mostCut is how often a try may be cut short, by whatever ended the process
// or the host, before it counts as one that failed.
const mostCut = 3

// tried says whether there was the one try that a container's digest of a
// commit has.
func tried(tries map[string]Try, commit string, c plan.ContainerPlan) bool {
	t, ok := tries[c.Name]
	return ok && t.Commit == commit && t.Digest == digest(c) && (t.Why != "" || t.Times >= mostCut)
}

// digest identifies what a container is to become.
func digest(c plan.ContainerPlan) string {
	if c.Want == nil {
		return string(c.Action)
	}
	return plan.HoldDigest(*c.Want)
}
