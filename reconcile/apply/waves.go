package apply

import (
	"slices"
	"sync"

	"strake/reconcile/plan"
)

// waves are the containers that come up, by autostart.order: the next wave
// begins when all of the one before are healthy, or have failed. A failure holds
// nobody up: who needs another says so by depends_on, and that wins. So what a
// container waits for anyway is in its wave, or in an earlier one.
type waves struct {
	of   map[string]int    // index of the wave of each
	done []*sync.WaitGroup // of each wave
}

func wavesOf(acting []plan.ContainerPlan, first map[string][]string) waves {
	order := map[string]int{}
	for _, c := range acting {
		if c.Want != nil && c.Starts() {
			order[c.Name] = own(c)
		}
	}
	for _, c := range acting {
		if _, starts := order[c.Name]; !starts {
			continue
		}
		for _, name := range closure(c.Name, first) {
			if o, starts := order[name]; starts {
				order[name] = min(o, own(c))
			}
		}
	}
	var orders []int
	for _, o := range order {
		orders = append(orders, o)
	}
	slices.Sort(orders)
	orders = slices.Compact(orders)
	w := waves{of: map[string]int{}}
	for range orders {
		w.done = append(w.done, &sync.WaitGroup{})
	}
	for name, o := range order {
		w.of[name] = slices.Index(orders, o)
		w.done[w.of[name]].Add(1)
	}
	return w
}

func own(c plan.ContainerPlan) int {
	if !c.Want.Autostart.Enabled {
		return 0
	}
	return c.Want.Autostart.Order
}

// wait returns when the wave before is over.
func (w waves) wait(name string) {
	if i, ok := w.of[name]; ok && i > 0 {
		w.done[i-1].Wait()
	}
}

// over says that a container is done with.
func (w waves) over(name string) {
	if i, ok := w.of[name]; ok {
		w.done[i].Done()
	}
}
