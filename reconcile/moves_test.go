package reconcile

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"strake/reconcile/apply"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// moved is a wish in which a container has another name.
func moved(from, to string, containers ...spec.Container) Wish {
	w := web(containers...)
	w.Stack.Moved = []spec.Moved{{From: from, To: to, Pos: spec.Pos{File: "web.hcl", Line: 3}}}
	return w
}

func (b *bench) entry(name string) ledger.Entry {
	b.t.Helper()
	led, err := b.State.Ledger()
	if err != nil {
		b.t.Fatal(err)
	}
	return led.Containers[name]
}

func TestMoveKeepsAllChoices(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("a"), container("b"), container("c")))
	was, other := b.entry("b"), b.entry("c")
	w := moved("b", "z", container("a"), container("c"), container("z"))
	if p := b.plan(w); p.Containers[2].Action != plan.Rename || p.Containers[2].Impact != spec.Restart || len(p.Acting()) != 1 {
		t.Fatalf("plan is %+v", p.Containers)
	}
	b.apply(w)
	b.settled(w)
	if now := b.entry("z"); !reflect.DeepEqual(now, was) {
		t.Errorf("choices are %+v, were %+v", now, was)
	}
	if b.entry("b").UUID != "" || !reflect.DeepEqual(b.entry("c"), other) {
		t.Error("the old name has choices still, or another container has others")
	}
	if live := b.live("z"); live.Hostname != "z" {
		t.Errorf("it is %+v", live)
	}
	b.apply(web(container("a"), container("b"), container("c"), container("z")))
	if b.entry("b").NICs["eth0"].Device == was.NICs["eth0"].Device {
		t.Error("a new container of the old name has the same device")
	}
}

// TestFailedMoveIsUndone: whichever step fails, the container is what it was
// under the name that it had, and so are its choices.
func TestFailedMoveIsUndone(t *testing.T) {
	for _, step := range []string{"Stop a", "Define z", "Mount z", "Start z", "Undefine a"} {
		b := newBench(t)
		first := web(container("a", memory(64<<20)))
		b.apply(first)
		was := b.entry("a")
		d, _, _ := b.host.Definition("a")
		b.host.Fail[step] = errors.New("broken")
		w := moved("a", "z", container("z", memory(128<<20)))
		out, err := b.Apply(context.Background(), w, how)
		if !errors.Is(err, apply.ErrRolledBack) || len(out.Results) != 1 || out.Results[0].Outcome != "rolled back" {
			t.Fatalf("%s: %+v, %v", step, out.Results, err)
		}
		delete(b.host.Fail, step)
		b.settled(first)
		if now := b.entry("a"); !reflect.DeepEqual(now, was) || b.entry("z").UUID != "" {
			t.Errorf("%s: choices are %+v, were %+v", step, now, was)
		}
		if now, ok, _ := b.host.Definition("a"); !ok || now != d {
			t.Errorf("%s: definition is %+v, was %+v", step, now, d)
		}
		if _, ok, _ := b.host.Definition("z"); ok {
			t.Errorf("%s: the new name is defined", step)
		}
		b.apply(w)
		b.settled(w)
	}
}

// TestHeldContainerKeepsItsName until its text changes: it is neither renamed,
// nor pruned, nor made a second time.
func TestHeldContainerKeepsItsName(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("a", memory(64<<20))))
	b.apply(web(container("a", memory(128<<20))))
	if _, err := b.Rollback(context.Background(), Target{Container: "a"}, how); err != nil {
		t.Fatal(err)
	}
	w := moved("a", "z", container("z", memory(128<<20)))
	w.Prune = true
	if p := b.plan(w); !p.Empty() || len(p.Containers) != 1 || p.Containers[0].Action != plan.Held {
		t.Fatalf("plan is %+v", p.Containers)
	}
	b.apply(w)
	if !b.live("a").State.Up() {
		t.Error("it is gone")
	}
	b.apply(moved("a", "z", container("z", memory(256<<20))))
	if !b.live("z").State.Up() {
		t.Error("it was not renamed when its text changed")
	}
}

func TestStoppedContainerMovesStopped(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("a")))
	if err := b.Stop(context.Background(), "a", 0); err != nil {
		t.Fatal(err)
	}
	w := moved("a", "z", container("z"))
	if p := b.plan(w); p.Impact() != spec.Live {
		t.Fatalf("impact is %s", p.Impact())
	}
	b.apply(w)
	b.settled(w)
	word, err := b.State.Word("z")
	if s := b.live("z").State; s != resource.Stopped || !word.Stopped || err != nil {
		t.Errorf("it is %s, the operator's word %+v, %v", s, word, err)
	}
}

// TestMoveOutOfTarget: what is not a target is not renamed, and not pruned.
func TestMoveOutOfTarget(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("a"), container("c")))
	w := moved("a", "z", container("z"), container("c"))
	w.Exclude, w.Prune = []string{"z"}, true
	if p := b.plan(w); !p.Empty() {
		t.Errorf("plan is %+v", p.Containers)
	}
}

// TestRemovedIsNoPrune: what a removed block names is not counted as a mistake.
func TestRemovedIsNoPrune(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("a"), container("b")))
	w := web()
	w.Stack.Networks = nil
	w.Stack.Removed = []spec.Removed{{From: "a", Action: "purge"}, {From: "b", Action: "retire"}, {From: "never"}}
	b.apply(w)
	attic, err := b.State.Attic()
	if err != nil || len(attic) != 1 || attic[0].Name != "b" {
		t.Errorf("in the attic: %+v, %v", attic, err)
	}
	if p := b.plan(w); len(p.Containers) != 0 {
		t.Errorf("then: %+v", p.Containers)
	}
}
