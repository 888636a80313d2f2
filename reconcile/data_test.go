package reconcile

import (
	"context"
	"slices"
	"testing"

	"strake/reconcile/plan"
	"strake/spec"
)

// shows is a container that shows a folder of the host: another one needs a restart.
func shows(source string) Wish {
	return web(container("c1", func(c *spec.Container) { c.Mounts = []spec.Mount{{Target: "/srv", Source: source}} }))
}

func (b *bench) stands(want int, layers ...int) {
	b.t.Helper()
	c, n, err := b.Current("c1")
	if err != nil || n != want || !slices.Equal(c.Writable, layers) {
		b.t.Fatalf("generation %d on layers %v, %v; want %d on %v", n, c.Writable, err, want, layers)
	}
	s, err := b.Status(context.Background(), "c1")
	if err != nil || len(s[0].Drift)+len(s[0].Pending) > 0 {
		b.t.Fatalf("after that: %+v, %v", s, err)
	}
}

func (b *bench) back(t Target) {
	b.t.Helper()
	t.Container = "c1"
	if _, err := b.Rollback(context.Background(), t, how); err != nil {
		b.t.Fatal(err)
	}
}

// TestDataGenerations: a restart freezes, nothing else does; a rollback keeps
// the data unless it is told otherwise, and what it put aside comes back.
func TestDataGenerations(t *testing.T) {
	b := newBench(t)
	b.apply(shows("/a"))
	b.stands(1, 1)
	b.apply(web(container("c1", memory(64<<20), func(c *spec.Container) { c.Mounts = []spec.Mount{{Target: "/srv", Source: "/a"}} })))
	b.stands(2, 1)
	b.apply(shows("/b"))
	b.stands(3, 2, 1)
	b.settled(shows("/b"))
	b.back(Target{}) // to 2, with what is there
	b.stands(4, 3, 2, 1)
	b.back(Target{}) // to 1: live, but not the generation whose data are gone by
	b.stands(5, 3, 2, 1)
	b.back(Target{Generation: 1})
	b.stands(5, 3, 2, 1)
	b.back(Target{Generation: 1, Data: true})
	b.stands(6, 4, 1)
	b.back(Target{Generation: 3, Data: true})
	b.stands(7, 5, 2, 1)
	b.back(Target{Generation: 3})
	b.stands(7, 5, 2, 1)
	b.back(Target{Generation: 5, Data: true})
	b.stands(8, 6, 3, 2, 1)
}

// TestDataWaits: a restart that waits has its layer, which is given up where
// nothing waits any more.
func TestDataWaits(t *testing.T) {
	b := newBench(t)
	b.apply(shows("/a"))
	later := shows("/b")
	later.Defer = true
	b.apply(later)
	if c, n, _ := b.Current("c1"); n != 2 || !slices.Equal(c.Writable, []int{2, 1}) {
		t.Fatalf("generation %d, %v", n, c.Writable)
	}
	if p := b.plan(later); p.Containers[0].Action != plan.Pending {
		t.Fatalf("%s, want pending", p.Containers[0].Action)
	}
	again := shows("/c")
	again.Defer = true
	b.apply(again)
	if c, n, _ := b.Current("c1"); n != 3 || !slices.Equal(c.Writable, []int{2, 1}) {
		t.Fatalf("generation %d, %v: nothing was ever on layer 2", n, c.Writable)
	}
	b.apply(shows("/a"))
	b.stands(4, 1)
	b.apply(later)
	b.back(Target{})
	b.stands(4, 1)
	b.apply(shows("/d"))
	b.stands(6, 4, 1)
}
