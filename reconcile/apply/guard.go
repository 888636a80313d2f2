package apply

import (
	"slices"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// others are the networks that the plan does not speak of.
func others(p plan.Plan, all []resource.Network) []plan.NetworkPlan {
	var list []plan.NetworkPlan
	for _, n := range all {
		if !slices.ContainsFunc(p.Networks, func(np plan.NetworkPlan) bool { return np.Name == n.Name }) {
			list = append(list, plan.NetworkPlan{Name: n.Name, Action: plan.Keep, Want: &n, Have: &n})
		}
	}
	return list
}

// guards are the firewall while the plan runs, and after it.
func guards(p plan.Plan, standing []resource.Container) (during, after resource.Guard) {
	now, stepping := slices.Clone(standing), map[string]bool{}
	for _, c := range p.Containers {
		stepping[c.Stands()] = len(c.Steps) > 0
	}
	then := slices.DeleteFunc(slices.Clone(standing), func(c resource.Container) bool { return stepping[c.Name] })
	for _, c := range p.Stepping() {
		if c.Want != nil {
			then = append(then, *c.Want)
		}
	}
	var networks, kept []resource.Network
	for _, n := range p.Networks {
		switch {
		case n.Want != nil:
			networks = append(networks, *n.Want)
			kept = append(kept, *n.Want)
		case n.Have != nil && n.Action == plan.Retire:
			networks = append(networks, *n.Have)
		}
	}
	after = resource.GuardOf(then, kept...)
	return resource.GuardOf(now, networks...).Grow(after), after
}

// guardNow leaves the guard wide where some containers went back.
func (r *runner) guardNow(p plan.Plan, after, wide resource.Guard) resource.Guard {
	keep := resource.Guard{Networks: wide.Networks, Guests: r.guestsNow(p, after), Proxied: wide.Proxied}
	back := map[string]bool{}
	for _, c := range p.Stepping() {
		if r.results[c.Name].stands() {
			continue
		}
		if c.Last == nil {
			if r.results[c.Name].Outcome == "rolled back" {
				gone(c.Want, back)
			}
			continue
		}
		for _, n := range resource.GuardOf([]resource.Container{*c.Last}).NICs {
			back[n.Device] = true
			keep.NICs = append(keep.NICs, n)
		}
	}
	for _, n := range after.NICs {
		if !back[n.Device] {
			keep.NICs = append(keep.NICs, n)
		}
	}
	return keep
}

// guestsNow are those of the containers that went on, and of the others as
// they were.
func (r *runner) guestsNow(p plan.Plan, after resource.Guard) []resource.Guest {
	var stayed []resource.Container
	list := slices.Clone(after.Guests)
	for _, c := range p.Stepping() {
		if r.results[c.Name].stands() {
			continue
		}
		list = slices.DeleteFunc(list, func(g resource.Guest) bool { return g.Name == c.Name })
		if c.Last != nil {
			stayed = append(stayed, *c.Last)
		}
	}
	return resource.Joined(resource.GuardOf(stayed).Guests, list)
}

// gone adds the interfaces of what was never made.
func gone(c *resource.Container, devices map[string]bool) {
	for _, n := range c.NICs {
		devices[n.Device] = true
	}
}
