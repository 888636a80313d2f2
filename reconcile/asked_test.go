package reconcile

import (
	"context"
	"errors"
	"testing"
	"time"

	"strake/reconcile/plan"
	"strake/reconcile/state"
)

func (b *bench) ask(w Wish, key string) string {
	b.t.Helper()
	run, err := b.Ask(context.Background(), b.plan(w), key, "restart c1")
	if err != nil {
		b.t.Fatal(err)
	}
	return run
}

// A plan waits until somebody agrees, is one however often it is asked, and is
// carried out as it was shown.
func TestAskAndApprove(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", memory(64<<20))))
	first := b.ask(web(container("c1", memory(96<<20))), "a")
	two := web(container("c1", memory(128<<20)), container("c2"))
	run := b.ask(two, "b")
	if again := b.ask(two, "b"); again != run || run == first {
		t.Fatalf("asked again it is %s, was %s", again, run)
	}
	if list, err := b.Questions(); err != nil || len(list) != 1 || list[0].Why != "restart c1" || list[0].Key != "b" {
		t.Fatalf("%+v %v: the newer of a stack takes the older one's place", list, err)
	}
	if _, err := b.Approve(context.Background(), run, How{Approve: func(plan.Plan) error { return errors.New("no") }}); err == nil {
		t.Fatal("it went on")
	}
	out, err := b.Approve(context.Background(), run, how)
	if err != nil || len(out.Results) != 2 || b.live("c1").Limits.Memory != 128<<20 || !b.live("c2").State.Up() {
		t.Fatalf("%+v %v", out, err)
	}
	if _, err := b.Approve(context.Background(), run, how); !errors.Is(err, ErrUnknown) {
		t.Errorf("twice: %v", err)
	}
	b.settled(two)
}

// What is not as it was when somebody was asked is not done, and nobody is
// asked any more.
func TestApproveStale(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", memory(64<<20))))
	run := b.ask(web(container("c1", memory(128<<20))), "")
	b.apply(web(container("c1", memory(96<<20))))
	if _, err := b.Approve(context.Background(), run, how); !errors.Is(err, ErrStale) {
		t.Errorf("%v", err)
	}
	if list, _ := b.Questions(); len(list) != 0 || b.live("c1").Limits.Memory != 96<<20 {
		t.Errorf("%+v", list)
	}
	run = b.ask(web(container("c1", memory(128<<20))), "")
	if err := b.Decline(context.Background(), run); err != nil {
		t.Error(err)
	}
	if _, err := b.Question(run); !errors.Is(err, ErrUnknown) {
		t.Errorf("declined: %v", err)
	}
	if again := b.ask(web(container("c1", memory(128<<20))), ""); again != "" {
		t.Errorf("asked again for what was declined: %s", again)
	}
	if b.ask(web(container("c1", memory(128<<20))), "another commit") == "" {
		t.Error("another commit is not asked for")
	}
	for _, odd := range []string{"", "../runs/x", "x/../y", "\x00"} {
		if _, err := b.Question(odd); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", odd, err)
		}
	}
}

// What is suspended stays as it is; the others of its stack do not, nor is the
// operator's own word ignored. It ends by itself.
func TestSuspend(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	b.apply(web(container("c1", memory(64<<20)), container("c2", memory(64<<20))))
	if err := b.Suspend(ctx, "c1", time.Time{}, "the disk is exchanged"); err != nil {
		t.Fatal(err)
	}
	two := web(container("c1", memory(128<<20)), container("c2", memory(128<<20)))
	saved := b.plan(two)
	if p := saved.Containers[0]; p.Action != plan.Paused || p.Note != "suspended by test (the disk is exchanged); `strake resume c1` ends that" {
		t.Errorf("%+v", p)
	}
	b.apply(two)
	if b.live("c1").Limits.Memory != 64<<20 || b.live("c2").Limits.Memory != 128<<20 {
		t.Error("the wrong one was changed")
	}
	gone := web(container("c2", memory(128<<20)), container("c3"), container("c4"), container("c5"))
	b.apply(gone)
	gone.Prune = true
	if _, err := b.Apply(ctx, gone, how); !errors.Is(err, ErrPolicy) || !b.live("c1").State.Up() {
		t.Errorf("retired: %v", err)
	}
	if err := b.Resume(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	p := b.plan(two)
	if err := b.Suspend(ctx, "", time.Now().Add(time.Hour), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ApplyPlan(ctx, p, how); !errors.Is(err, ErrPolicy) {
		t.Errorf("a saved plan: %v", err)
	}
	if out, err := b.Apply(ctx, two, how); err != nil || !out.Empty {
		t.Errorf("%+v %v", out, err)
	}
	if st, err := b.Status(ctx, "c2"); err != nil || st[0].Suspended == nil || st[0].Standings[0] != Paused {
		t.Errorf("%+v %v", st, err)
	}
	if _, err := b.Rollback(ctx, Target{Container: "c2"}, how); err != nil || b.live("c2").Limits.Memory != 64<<20 {
		t.Errorf("rollback by hand: %v", err)
	}
	if err := b.Suspend(ctx, "", time.Now().Add(-time.Second), ""); err != nil {
		t.Fatal(err)
	}
	b.apply(two)
	if b.live("c1").Limits.Memory != 128<<20 {
		t.Error("it never ends")
	}
	if err := b.Suspend(ctx, "nobody", time.Time{}, ""); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
}

// A new container under `suspend --all` is not made, and made later.
func TestSuspendedNew(t *testing.T) {
	b := newBench(t)
	if err := b.State.Suspend("", state.Suspension{By: "x", Since: time.Now()}); err != nil {
		t.Fatal(err)
	}
	w := web(container("c1"))
	if _, err := b.Apply(context.Background(), w, how); !errors.Is(err, ErrPolicy) { // its network would be
		t.Errorf("%v", err)
	}
	w.Stack.Networks, w.Stack.Containers[0].NICs = nil, nil
	if out, err := b.Apply(context.Background(), w, how); err != nil || !out.Empty {
		t.Errorf("%+v %v", out, err)
	}
	if err := b.Resume(context.Background(), ""); err != nil {
		t.Fatal(err)
	}
	b.apply(w)
	b.settled(w)
}
