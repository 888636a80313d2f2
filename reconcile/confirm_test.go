package reconcile

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/state"
)

func (b *bench) trial(w Wish, window time.Duration) Trial {
	b.t.Helper()
	out, err := b.Apply(context.Background(), w, How{Approve: yes, Confirm: window})
	if err != nil || out.Awaiting == nil {
		b.t.Fatalf("%+v %v", out, err)
	}
	return *out.Awaiting
}

// What is confirmed stays, and is like any other change.
func TestConfirm(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", memory(64<<20))))
	two := web(container("c1", memory(128<<20)), container("c2"))
	run := b.trial(two, time.Hour)
	if len(run.Containers) != 2 || run.Until.IsZero() {
		t.Fatalf("%+v", run)
	}
	if _, err := b.Apply(context.Background(), web(container("c1"), container("c2")), how); !errors.Is(err, ErrPolicy) {
		t.Errorf("built upon: %v", err)
	}
	if err := b.DeleteGenerations(context.Background(), "c1", []int{1}); !errors.Is(err, ErrPolicy) {
		t.Errorf("the way back is gone: %v", err)
	}
	if done, err := b.Confirm(context.Background(), ""); err != nil || len(done) != 1 {
		t.Fatal(done, err)
	}
	b.settled(two)
	if err := b.Resolve(context.Background()); err != nil || b.live("c1").Limits.Memory != 128<<20 {
		t.Error(err)
	}
	if _, err := b.Confirm(context.Background(), ""); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

// What is not confirmed is taken back by whoever comes next: live, with its
// network, what was made stopped and kept. It is held, and a newer text goes on.
func TestNotConfirmed(t *testing.T) {
	for name, late := range map[string]func(*Trial){
		"in time":          func(r *Trial) { r.Until = time.Now() },
		"before a reboot":  func(r *Trial) { r.Boot = "another" },
		"before its death": func(r *Trial) { r.Until = time.Time{} },
	} {
		b := newBench(t)
		b.apply(web(container("c1", memory(64<<20))))
		init := b.live("c1").Init
		two := web(container("c1", memory(128<<20)), container("c2"))
		two.Stack.Networks[0].IPv4 = "10.9.0.1/16"
		run := b.trial(two, time.Hour)
		late(&run)
		if err := b.State.KeepRun(state.Unconfirmed, run.Run, run); err != nil {
			t.Fatal(err)
		}
		if err := b.Resolve(context.Background()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if live := b.live("c1"); live.Limits.Memory != 64<<20 || live.Init != init || b.live("c2").State.Up() {
			t.Errorf("%s: %+v", name, live)
		}
		if nets, _ := b.host.Networks(context.Background()); len(nets) != 1 || nets[0].IPv4 != "10.9.0.1/24" {
			t.Errorf("%s: %+v", name, nets)
		}
		p := b.plan(two)
		if p.Containers[0].Action != plan.Held || p.Containers[1].Action != plan.Held {
			t.Errorf("%s: %s %s", name, p.Containers[0].Action, p.Containers[1].Action)
		}
		if st, err := b.Status(context.Background(), "c2"); err != nil || !slices.Contains(st[0].Standings, Failed) {
			t.Errorf("%s: %+v %v", name, st, err)
		}
		if got := b.outcomes("c1"); !slices.Equal(got, []string{"healthy", "healthy", "failed", "healthy"}) {
			t.Error(got)
		}
		if list, _ := b.Trials(); len(list) != 0 {
			t.Errorf("%s: %+v", name, list)
		}
		b.apply(web(container("c1", memory(96<<20)), container("c2", memory(96<<20))))
		if !b.live("c2").State.Up() {
			t.Errorf("%s: a newer text does not start it", name)
		}
	}
}

// A change that was rolled back, or that nobody can watch over, waits for
// nobody.
func TestNothingToConfirm(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	b.apply(web(container("c1", memory(64<<20))))
	confirm := How{Approve: yes, Confirm: time.Hour}
	out, err := b.Apply(ctx, web(container("c1", memory(128<<20), healthy(page("http://:81/")))), confirm)
	if !errors.Is(err, apply.ErrUnhealthy) || out.Awaiting != nil {
		t.Errorf("%+v %v", out.Awaiting, err)
	}
	b.Watcher = func() error { return errors.New("no more processes") }
	if _, err = b.Apply(ctx, web(container("c1", memory(96<<20))), confirm); err == nil || b.live("c1").Limits.Memory != 64<<20 {
		t.Errorf("%v", err)
	}
	gone := web(container("c2"))
	gone.Prune = true
	if _, err = b.Apply(ctx, gone, confirm); !errors.Is(err, ErrPolicy) {
		t.Errorf("retired: %v", err)
	}
	if list, _ := b.Trials(); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

// Of a way back that fails, people are told; it is not tried again by itself.
func TestWayBackFails(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	b.apply(web(container("c1", memory(64<<20))))
	b.trial(web(container("c1", memory(128<<20))), time.Hour)
	b.host.Fail = map[string]error{"SetLimits c1": errors.New("no")}
	if _, err := b.Reject(ctx, ""); !errors.Is(err, apply.ErrStuck) {
		t.Fatalf("%v", err)
	}
	b.host.Fail = nil
	if err := b.Resolve(ctx); err != nil || b.live("c1").Limits.Memory != 128<<20 {
		t.Errorf("%v", err)
	}
	if list, _ := b.Trials(); len(list) != 1 || list[0].Failed == "" {
		t.Errorf("%+v", list)
	}
	if _, err := b.Reject(ctx, ""); err != nil || b.live("c1").Limits.Memory != 64<<20 {
		t.Errorf("%v", err)
	}
}

// A rollback by hand, or another container of the name, is left alone.
func TestWentElsewhere(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	for _, m := range []int64{64 << 20, 96 << 20} {
		b.apply(web(container("c1", memory(m))))
	}
	run := b.trial(web(container("c1", memory(128<<20))), time.Hour)
	if _, err := b.Rollback(ctx, Target{Container: "c1", Generation: 1}, how); err != nil {
		t.Fatal(err)
	}
	run.Until = time.Now()
	if err := b.State.KeepRun(state.Unconfirmed, run.Run, run); err != nil {
		t.Fatal(err)
	}
	if err := b.Resolve(ctx); err != nil || b.live("c1").Limits.Memory != 64<<20 {
		t.Errorf("%v, %d", err, b.live("c1").Limits.Memory)
	}
}

// The watcher takes back what is over, and goes when nothing waits.
func TestStandBy(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", memory(64<<20))))
	b.trial(web(container("c1", memory(128<<20))), time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := b.StandBy(ctx); err != nil || b.live("c1").Limits.Memory != 64<<20 {
		t.Errorf("%v", err)
	}
}
