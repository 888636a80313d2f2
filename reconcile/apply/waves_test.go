package apply

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// TestWaves: with any orders and any needs that are no circle, all come to an
// end, none before what it needs, and none before those of a lower order that do
// not, by whatever way, need it or one that it needs.
func TestWaves(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		n := 1 + rnd.IntN(12)
		var acting []plan.ContainerPlan
		first := map[string][]string{}
		for i := range n {
			c := plan.ContainerPlan{Name: fmt.Sprint("c", i), Steps: []plan.Step{{Do: plan.DoStart}}, Want: &resource.Container{
				Autostart: resource.Autostart{Enabled: rnd.IntN(4) > 0, Order: rnd.IntN(3)},
			}}
			for j := range i {
				if rnd.IntN(5) == 0 {
					first[c.Name] = append(first[c.Name], fmt.Sprint("c", j))
				}
			}
			acting = append(acting, c)
		}
		ended := order(t, seed, acting, first)
		at := func(name string) int { return slices.Index(ended, name) }
		for _, c := range acting {
			for _, need := range first[c.Name] {
				if at(need) > at(c.Name) {
					t.Fatalf("seed %d: %s before %s, which it needs", seed, c.Name, need)
				}
			}
			for _, o := range acting {
				if own(c) < own(o) && at(o.Name) < at(c.Name) && !early(o.Name, own(c), acting, first) {
					t.Fatalf("seed %d: %s of order %d before %s of order %d: %v", seed, o.Name, own(o), c.Name, own(c), ended)
				}
			}
		}
	}
}

// early says whether somebody of this order or a lower one needs the container.
func early(name string, than int, acting []plan.ContainerPlan, first map[string][]string) bool {
	return slices.ContainsFunc(acting, func(c plan.ContainerPlan) bool {
		return own(c) <= than && slices.Contains(closure(c.Name, first), name)
	})
}

// order runs them as a run does and tells in which order they ended.
func order(t *testing.T, seed uint64, acting []plan.ContainerPlan, first map[string][]string) (ended []string) {
	t.Helper()
	w := wavesOf(acting, first)
	done := map[string]chan struct{}{}
	for _, c := range acting {
		done[c.Name] = make(chan struct{})
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, c := range acting {
		group.Go(func() {
			for _, name := range first[c.Name] {
				<-done[name]
			}
			w.wait(c.Name)
			mu.Lock()
			ended = append(ended, c.Name)
			mu.Unlock()
			w.over(c.Name)
			close(done[c.Name])
		})
	}
	all := make(chan struct{})
	go func() { group.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(20 * time.Second):
		t.Fatalf("seed %d: they wait for each other", seed)
	}
	return ended
}
