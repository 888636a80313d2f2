package reconcile

import (
	"context"
	"slices"
	"testing"
	"time"

	"strake/reconcile/heal"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
	"strake/spec"
)

// sighted is a bench with three containers that somebody watches and has looked at.
func sighted(t *testing.T, change ...func(*spec.Container)) (*bench, func(mib int64) []string) {
	t.Helper()
	b := newBench(t)
	b.Sight = &Sight{}
	b.Sight.watch(true)
	wish := func(mib int64) Wish {
		w := web(container("c1", append(change, memory(mib<<20))...), container("c2", change...), container("c3", change...))
		w.Watched = true
		return w
	}
	b.apply(wish(64))
	b.heal()
	return b, func(mib int64) (names []string) {
		t.Helper()
		for _, c := range b.plan(wish(mib)).Containers {
			names = append(names, c.Name)
		}
		return names
	}
}

// TestWatchedPlanLooksAtWhatMayDiffer: what a plan leaves out is what somebody
// else has looked at, with nothing heard of it since.
func TestWatchedPlanLooksAtWhatMayDiffer(t *testing.T) {
	all, changed := []string{"c1", "c2", "c3"}, []string{"c1"}
	for what, c := range map[string]struct {
		happens func(b *bench)
		want    []string
	}{
		"nothing":              {func(*bench) {}, changed},
		"a notice of one":      {func(b *bench) { b.Sight.hint(Hint{Containers: []string{"c2"}}) }, []string{"c1", "c2"}},
		"a notice of all":      {func(b *bench) { b.Sight.hint(Hint{All: true}) }, all},
		"of a network":         {func(b *bench) { b.Sight.hint(Hint{Networks: true}) }, changed},
		"nobody watches":       {func(b *bench) { b.Sight.watch(false) }, all},
		"nobody did meanwhile": {func(b *bench) { b.Sight.watch(false); b.Sight.watch(true) }, all},
		"drift that is found": {func(b *bench) {
			b.host.Break("c3", func(c *resource.Container) { c.Limits.Memory = 1 << 30 })
			b.Sight.hint(Hint{Containers: []string{"c3"}})
			b.heal()
		}, []string{"c1", "c3"}},
		"a stop by hand": {func(b *bench) {
			if err := b.Stop(ctx, "c2", time.Second); err != nil {
				b.t.Fatal(err)
			}
			b.heal()
		}, []string{"c1", "c2"}},
		"an old look": {func(b *bench) {
			for name, g := range b.Sight.proven {
				g.at = g.at.Add(-trusted)
				b.Sight.proven[name] = g
			}
		}, all},
	} {
		t.Run(what, func(t *testing.T) {
			b, names := sighted(t)
			c.happens(b)
			if got := names(128); !slices.Equal(got, c.want) {
				t.Errorf("looks at %v, want %v", got, c.want)
			}
		})
	}
}

// TestWatchedApply: what a run has changed is looked at, and after another
// process's run everything is.
func TestWatchedApply(t *testing.T) {
	b, names := sighted(t)
	w := web(container("c1", memory(256<<20)), container("c2"), container("c3"))
	w.Watched = true
	apply := func(e *Engine) (list []string) {
		t.Helper()
		_, err := e.Apply(ctx, w, How{Approve: func(p plan.Plan) error {
			for _, c := range p.Containers {
				list = append(list, c.Name)
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := apply(b.Engine); !slices.Equal(got, []string{"c1"}) {
		t.Errorf("looks at %v", got)
	}
	if b.live("c1").Limits.Memory != 256<<20 {
		t.Errorf("c1 is %+v", b.live("c1"))
	}
	if got := names(256); !slices.Equal(got, []string{"c1"}) {
		t.Errorf("after it: %v", got)
	}
	b.heal()
	if got := names(256); len(got) != 0 {
		t.Errorf("after it, looked at: %v", got)
	}
	other := *b.Engine
	other.State, other.Sight = state.Open(b.State.Path(), nil), nil
	w.Watched = false
	apply(&other)
	w.Watched = true
	if got := apply(b.Engine); len(got) != 3 {
		t.Errorf("after another process's run: %v", got)
	}
}

// TestSightOfAnOldLook: what is told while a look is under way is not seen by it.
func TestSightOfAnOldLook(t *testing.T) {
	b, names := sighted(t)
	b.Sight.forget()
	turn := b.Sight.now()
	_, _, p, err := b.drift(context.Background(), Healing{Hint: Hint{All: true}, Patience: heal.Usual()})
	if err != nil {
		t.Fatal(err)
	}
	b.Sight.forget()
	b.Sight.forget("c2")
	later := b.Sight.now()
	var list []plan.Subject
	for _, c := range p.Containers {
		list = append(list, plan.Subject{Name: c.Name})
	}
	b.Sight.saw(list, p, turn, time.Now())
	if got := names(64); len(got) != 3 {
		t.Errorf("the look from before is taken: %v", got)
	}
	b.Sight.forget("c2")
	b.Sight.saw(list, p, later, time.Now())
	if got := names(64); !slices.Equal(got, []string{"c2"}) {
		t.Errorf("looks at %v", got)
	}
}
