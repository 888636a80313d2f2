package apply

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

func member(name, group string, u resource.Update, needs ...string) plan.ContainerPlan {
	return plan.ContainerPlan{Name: name, Group: group, Want: &resource.Container{Name: name, DependsOn: needs, Update: u}}
}

func TestCanaries(t *testing.T) {
	one := resource.Update{Canary: 1}
	for name, test := range map[string]struct {
		acting []plan.ContainerPlan
		want   map[string][]string
	}{
		"none":         {[]plan.ContainerPlan{member("a", "g", resource.Update{}), member("b", "g", resource.Update{})}, map[string][]string{}},
		"by name":      {[]plan.ContainerPlan{member("b", "g", one), member("a", "g", one), member("c", "g", one)}, map[string][]string{"b": {"a"}, "c": {"a"}}},
		"alone":        {[]plan.ContainerPlan{member("a", "", one), member("b", "", one)}, map[string][]string{}},
		"more than is": {[]plan.ContainerPlan{member("a", "g", resource.Update{Canary: 9}), member("b", "g", one)}, map[string][]string{}},
		"it needs b":   {[]plan.ContainerPlan{member("a", "g", one, "b"), member("b", "g", one)}, map[string][]string{"a": {"b", "b"}}},
		"by another": {[]plan.ContainerPlan{member("a", "g", one, "x"), member("x", "", one, "b"), member("b", "g", one)},
			map[string][]string{"a": {"x", "b"}, "x": {"b"}}},
	} {
		first := predecessors(test.acting)
		canaries(test.acting, first)
		for _, c := range test.acting {
			if !slices.Equal(first[c.Name], test.want[c.Name]) {
				t.Errorf("%s: %s waits for %v", name, c.Name, first[c.Name])
			}
		}
	}
}

// Whatever depends on what, and is in whatever group: nobody waits for itself.
func TestCanariesMakeNoCircle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var acting []plan.ContainerPlan
		n := 2 + r.IntN(8)
		for _, i := range r.Perm(n) { // the order of names is not that of needs
			var needs []string
			for j := range i {
				if r.IntN(4) == 0 {
					needs = append(needs, fmt.Sprint((j*7)%n, "c", j))
				}
			}
			group := []string{"", "g", "h"}[r.IntN(3)]
			acting = append(acting, member(fmt.Sprint((i*7)%n, "c", i), group, resource.Update{Canary: r.IntN(3)}, needs...))
		}
		first := predecessors(acting)
		canaries(acting, first)
		for _, c := range acting {
			if slices.Contains(closure(c.Name, first), c.Name) {
				t.Fatalf("%s waits for itself: %v", c.Name, first)
			}
		}
	}
}
