package apply

import (
	"maps"
	"slices"
	"strings"

	"strake/reconcile/plan"
)

// turns bounds how many of each for_each group are changed at a time, until
// they are healthy.
func turns(acting []plan.ContainerPlan) map[string]chan struct{} {
	most := map[string]int{}
	for _, c := range acting {
		if n := bound(c); n > 0 && (most[c.Group] == 0 || n < most[c.Group]) {
			most[c.Group] = n
		}
	}
	turns := map[string]chan struct{}{}
	for group, n := range most {
		turns[group] = make(chan struct{}, n)
	}
	return turns
}

func bound(c plan.ContainerPlan) int {
	if c.Group == "" || c.Want == nil {
		return 0
	}
	return c.Want.Update.MaxParallel
}

// canaries has the first of each group come before the others of it: they
// are those by name that need none of the others. One group after the other,
// so that no group makes a circle with what an earlier one has made. It returns those that go first.
func canaries(acting []plan.ContainerPlan, first map[string][]string) (all []string) {
	groups := map[string][]plan.ContainerPlan{}
	for _, c := range acting {
		if c.Group != "" && c.Want != nil {
			groups[c.Group] = append(groups[c.Group], c)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		chosen := choose(groups[group], first)
		all = append(all, chosen...)
		for _, c := range groups[group] {
			if !slices.Contains(chosen, c.Name) {
				first[c.Name] = append(first[c.Name], chosen...)
			}
		}
	}
	return all
}

// choose takes as many members as the group's canary says, by name. One that
// needs another, by whatever way, comes after it.
func choose(members []plan.ContainerPlan, first map[string][]string) []string {
	slices.SortFunc(members, func(a, b plan.ContainerPlan) int { return strings.Compare(a.Name, b.Name) })
	n := 0
	for _, c := range members {
		n = max(n, c.Want.Update.Canary)
	}
	var chosen []string
	for len(chosen) < n {
		at := slices.IndexFunc(members, func(c plan.ContainerPlan) bool {
			return !slices.Contains(chosen, c.Name) && !needsOther(c.Name, members, chosen, first)
		})
		if at < 0 {
			break
		}
		chosen = append(chosen, members[at].Name)
	}
	return chosen
}

// needsOther says whether a member needs one of its group that is not chosen.
func needsOther(name string, members []plan.ContainerPlan, chosen []string, first map[string][]string) bool {
	return slices.ContainsFunc(closure(name, first), func(need string) bool {
		return !slices.Contains(chosen, need) && slices.ContainsFunc(members, func(m plan.ContainerPlan) bool { return m.Name == need })
	})
}

// closure is everything that a container waits for.
func closure(name string, first map[string][]string) []string {
	seen := map[string]bool{}
	var list []string
	var visit func(string)
	visit = func(name string) {
		for _, need := range first[name] {
			if !seen[need] {
				seen[need] = true
				list = append(list, need)
				visit(need)
			}
		}
	}
	visit(name)
	return list
}
