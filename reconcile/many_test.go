package reconcile

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"strake/spec"
)

// TestManyOnOneNetwork: four times the containers of a network, each with a
// published port, take about four times the work to plan and to apply; a step
// that looks at all of them for each would take sixteen.
func TestManyOnOneNetwork(t *testing.T) {
	const few, many = 250, 1000
	plan, apply, again := work(t, few)
	plan4, apply4, again4 := work(t, many)
	for what, is := range map[string][2]time.Duration{"plan": {plan, plan4}, "apply": {apply, apply4}, "plan again": {again, again4}} {
		if is[1] > 9*is[0] {
			t.Errorf("%s: %v for %d, %v for %d", what, is[0], few, is[1], many)
		}
	}
}

// work is the time of processors that so many containers take.
func work(t *testing.T, n int) (plan, apply, again time.Duration) {
	b := newBench(t)
	var list []spec.Container
	for i := range n {
		list = append(list, container(fmt.Sprint("c", i), func(c *spec.Container) {
			c.NICs[0].Publish = []spec.Publish{{Port: fmt.Sprint(2000 + i)}}
		}))
	}
	w := web(list...)
	w.Stack.Networks[0].IPv4 = "10.9.0.1/16"
	took := func(f func()) time.Duration {
		before := processors(t)
		f()
		return processors(t) - before
	}
	return took(func() { b.plan(w) }), took(func() { b.apply(w) }), took(func() { b.settled(w) })
}

func processors(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
