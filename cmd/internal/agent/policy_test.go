package agent

import (
	"slices"
	"testing"
	"time"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// part is one container of a plan, whose text changed.
func part(action plan.Action, change func(*plan.ContainerPlan)) plan.ContainerPlan {
	c := plan.ContainerPlan{Name: "c1", Action: action, Impact: spec.Live, From: 1, To: 2, New: true, Last: &resource.Container{}, Want: &resource.Container{Name: "c1"}}
	if change != nil {
		change(&c)
	}
	return c
}

// TestApproved is the table of what a source's configuration waves through.
func TestApproved(t *testing.T) {
	purge := func(c *plan.ContainerPlan) { c.Removed = "purge" }
	for name, c := range map[string]struct {
		part     plan.ContainerPlan
		auto     []string
		prune    bool
		approved bool
	}{
		"create, always":           {part(plan.Create, nil), nil, false, true},
		"record, always":           {part(plan.Record, nil), nil, false, true},
		"live":                     {part(plan.Update, nil), []string{"live"}, false, true},
		"live, not said":           {part(plan.Update, nil), []string{"restart"}, false, false},
		"restart":                  {part(plan.Restart, nil), []string{"live", "restart"}, false, true},
		"restart, not said":        {part(plan.Restart, nil), []string{"live"}, false, false},
		"stop is a restart":        {part(plan.Stop, nil), []string{"live"}, false, false},
		"recreate by default":      {part(plan.Recreate, nil), spec.NewSource().Auto, false, false},
		"recreate":                 {part(plan.Recreate, nil), []string{"recreate"}, false, true},
		"rename of what is down":   {part(plan.Rename, nil), []string{"live"}, false, true},
		"rename of what is up":     {part(plan.Rename, func(c *plan.ContainerPlan) { c.Impact = spec.Restart }), []string{"live"}, false, false},
		"retire, without prune":    {part(plan.Retire, nil), spec.AutoImpacts(), false, false},
		"retire":                   {part(plan.Retire, nil), nil, true, true},
		"purge, whatever was said": {part(plan.Retire, purge), spec.AutoImpacts(), true, false},
	} {
		if have := approved(spec.Source{Auto: c.auto, Prune: c.prune}, c.part); have != c.approved {
			t.Errorf("%s: %v", name, have)
		}
	}
}

// TestSorted: drift is nobody's here, and there is one try for a digest of a
// commit, which may be cut short twice.
func TestSorted(t *testing.T) {
	source := spec.NewSource()
	drift := part(plan.Update, func(c *plan.ContainerPlan) {
		c.To, c.New, c.Changes = 1, false, []plan.Change{{Path: "limits.memory", Cause: plan.Drift}}
	})
	conflict := part(plan.Update, func(c *plan.ContainerPlan) {
		c.To, c.New, c.Changes = 1, false, []plan.Change{{Path: "limits.memory", Cause: plan.Conflict}}
	})
	left := part(plan.Retire, func(c *plan.ContainerPlan) { c.To, c.New, c.Want = 1, false, nil })
	source.Prune = true
	live := part(plan.Update, nil)
	try := func(change func(*Try)) map[string]Try {
		t := Try{Commit: "k", Digest: digest(live), Times: 1, Time: time.Now(), Why: "failed"}
		change(&t)
		return map[string]Try{"c1": t}
	}
	for name, c := range map[string]struct {
		part  plan.ContainerPlan
		tries map[string]Try
		do    bool
		spent bool
	}{
		"new text":                {live, nil, true, false},
		"drift alone":             {drift, nil, false, false},
		"drift and new text":      {conflict, nil, true, false},
		"it left the text":        {left, nil, true, false},
		"it failed":               {live, try(func(*Try) {}), false, true},
		"it failed, other text":   {live, try(func(t *Try) { t.Digest = "x" }), true, false},
		"it failed, other commit": {live, try(func(t *Try) { t.Commit = "x" }), true, false},
		"cut short once":          {live, try(func(t *Try) { t.Why = "" }), true, false},
		"cut short for ever":      {live, try(func(t *Try) { t.Why, t.Times = "", mostCut }), false, true},
	} {
		out := sorted(source, plan.Plan{Commit: "k", Containers: []plan.ContainerPlan{c.part}}, c.tries)
		if len(out.do) == 1 != c.do || slices.Contains(out.spent, "c1") != c.spent {
			t.Errorf("%s: %+v", name, out)
		}
	}
}
