package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"strake/reconcile/plan"
)

func acts(actions ...plan.Action) plan.Plan {
	var p plan.Plan
	for i, a := range actions {
		p.Containers = append(p.Containers, plan.ContainerPlan{Name: "c" + string(rune('1'+i)), Action: a})
	}
	return p
}

// TestDemands is the table of what has to be approved by whom.
func TestDemands(t *testing.T) {
	for name, c := range map[string]struct {
		plan    plan.Plan
		answers answers
		flags   string // that are still missing
	}{
		"nothing":                 {acts(), answers{}, ""},
		"create":                  {acts(plan.Create), answers{}, ""},
		"live":                    {acts(plan.Update), answers{}, ""},
		"record":                  {acts(plan.Record), answers{}, ""},
		"what is only reported":   {acts(plan.Keep, plan.Orphan, plan.Held, plan.Pending), answers{}, ""},
		"restart":                 {acts(plan.Restart), answers{}, "--yes"},
		"stop":                    {acts(plan.Stop), answers{}, "--yes"},
		"restart, yes":            {acts(plan.Restart, plan.Stop), answers{Yes: true}, ""},
		"two restarts, one asked": {acts(plan.Restart, plan.Restart), answers{}, "--yes"},
		"recreate":                {acts(plan.Recreate), answers{}, "--allow-recreate=c1"},
		"recreate, yes":           {acts(plan.Recreate), answers{Yes: true}, "--allow-recreate=c1"},
		"recreate, another":       {acts(plan.Recreate), answers{Recreate: []string{"c2"}}, "--allow-recreate=c1"},
		"recreate, allowed":       {acts(plan.Recreate), answers{Recreate: []string{"c1"}}, ""},
		"retire":                  {acts(plan.Retire), answers{}, "--prune"},
		"retire, yes":             {acts(plan.Retire), answers{Yes: true}, "--prune"},
		"retire, prune":           {acts(plan.Retire), answers{Prune: true}, ""},
		"destroy":                 {acts(plan.Retire), answers{Named: true}, "--yes"},
		"destroy, yes":            {acts(plan.Retire), answers{Named: true, Yes: true}, ""},
		"all":                     {acts(plan.Create, plan.Restart, plan.Recreate, plan.Retire), answers{}, "--yes --allow-recreate=c3 --prune"},
		"all, prune and yes":      {acts(plan.Restart, plan.Recreate, plan.Retire), answers{Yes: true, Prune: true}, "--allow-recreate=c2"},
	} {
		list := demands(c.plan, c.answers)
		var flags []string
		for _, d := range list {
			flags = append(flags, d.flag)
		}
		if have := strings.Join(flags, " "); have != c.flags {
			t.Errorf("%s: missing is %q, want %q", name, have, c.flags)
		}
		if slices.ContainsFunc(list, func(d demand) bool { return (d.name == "") != (d.flag == "--yes" && !c.answers.Named) }) {
			t.Errorf("%s: a name is to be typed for what y is enough for, or the other way round: %+v", name, list)
		}
	}
}

func TestMissing(t *testing.T) {
	err := missing(demands(acts(plan.Restart, plan.Recreate), answers{}))
	if !errors.Is(err, errApproval) || !strings.Contains(err.Error(), "add --yes --allow-recreate=c2") {
		t.Errorf("it says %q", err)
	}
}

func TestAgrees(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       bool
	}{
		{"", "y", true}, {"", "Yes", true}, {"", "", false}, {"", "n", false}, {"", "web1", false},
		{"web1", "web1", true}, {"web1", "y", false}, {"web1", "", false}, {"web1", "web", false},
	} {
		if have := agrees(demand{name: c.name}, c.line); have != c.want {
			t.Errorf("%q to %q is %v", c.line, c.name, have)
		}
	}
}
