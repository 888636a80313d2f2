package reconcile

import (
	"context"
	"slices"
	"testing"
	"time"

	"strake/reconcile/heal"
	"strake/reconcile/resource"
	"strake/reconcile/state"
	"strake/spec"
)

func drift(policy string) func(*spec.Container) {
	return func(c *spec.Container) { c.Drift = policy }
}

func (b *bench) heal() Healed {
	b.t.Helper()
	out, err := b.Heal(context.Background(), Healing{Hint: Hint{All: true}, Patience: heal.Usual()})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// TestHealByPolicy: each hand edit under each policy.
func TestHealByPolicy(t *testing.T) {
	for what, edit := range map[string]struct {
		live, restart, running bool
		spoil                  func(b *bench)
	}{
		"memory":   {live: true, spoil: func(b *bench) { b.host.Break("c1", func(c *resource.Container) { c.Limits.Memory = 1 << 30 }) }},
		"nic gone": {live: true, spoil: func(b *bench) { b.host.Break("c1", func(c *resource.Container) { c.NICs = nil }) }},
		"firewall": {live: true, spoil: func(b *bench) { b.host.Flush() }},
		"crash":    {live: true, running: true, spoil: func(b *bench) { b.host.Kill(ctx, "c1") }},
		"frozen":   {live: true, spoil: func(b *bench) { b.host.Freeze(ctx, "c1") }},
		"config":   {live: true, spoil: func(b *bench) { b.host.Undefine("c1") }},
		"mount":    {restart: true, spoil: func(b *bench) { b.host.Break("c1", func(c *resource.Container) { c.Mounts = nil }) }},
		"both": {live: true, restart: true, spoil: func(b *bench) {
			b.host.Break("c1", func(c *resource.Container) { c.Mounts, c.Hostname = nil, "x" })
		}},
	} {
		for _, policy := range []string{"", "report", "heal", "strict"} {
			t.Run(what+" "+policy, func(t *testing.T) {
				b := newBench(t)
				w := web(container("c1", memory(64<<20), drift(policy), func(c *spec.Container) {
					c.Mounts = []spec.Mount{{Target: "/srv", Source: "/srv"}}
				}))
				b.apply(w)
				before := b.live("c1")
				edit.spoil(b)
				out := b.heal()
				if len(out.Found) == 0 || !slices.Contains(out.Found[0].News, heal.Found) {
					t.Fatalf("found %+v", out.Found)
				}
				mends := policy == "strict" || policy == "heal" && edit.live
				whole := policy == "strict" || policy == "heal" && !edit.restart
				if (out.Run.ID != "") != mends {
					t.Errorf("a run: %+v", out)
				}
				if (b.plan(w).Empty()) != whole {
					t.Errorf("after it: %+v", b.plan(w).Containers[0].Changes)
				}
				if after := b.live("c1"); !edit.restart && !edit.running && after.Started != before.Started {
					t.Error("it was restarted")
				}
				if again := b.heal(); again.Run.ID != "" || slices.ContainsFunc(again.Found, func(d Drift) bool { return len(d.News) > 0 }) {
					t.Errorf("at the second look: %+v", again.Found)
				}
				if n, _ := b.State.Book("c1").Next(); n != 2 {
					t.Errorf("next generation is %d", n)
				}
			})
		}
	}
}

var ctx = context.Background()

// TestHealRespects: what the operator stopped stays so, and a newer text, or one
// that waits for a restart, is nobody's drift.
func TestHealRespects(t *testing.T) {
	b := newBench(t)
	w := web(container("c1", memory(64<<20), drift("strict")), container("c2", drift("strict")))
	b.apply(w)
	if err := b.Stop(ctx, "c1", time.Second); err != nil {
		t.Fatal(err)
	}
	if out := b.heal(); len(out.Found) > 0 {
		t.Errorf("stopped by hand: %+v", out.Found)
	}
	if err := b.Start(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	if err := b.Freeze(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	if out := b.heal(); len(out.Found) > 0 {
		t.Errorf("frozen by hand: %+v", out.Found)
	}
	if err := b.Unfreeze(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	b.host.Break("c2", func(c *resource.Container) { c.Limits.Memory = 1 })
	if err := b.Suspend(ctx, "c2", time.Time{}, "by test"); err != nil {
		t.Fatal(err)
	}
	if out := b.heal(); len(out.Found) != 1 || out.Found[0].Do != heal.Report || out.Found[0].Why == "" || b.live("c2").Limits.Memory != 1 {
		t.Errorf("suspended: %+v", out.Found)
	}
	if err := b.Resume(ctx, "c2"); err != nil {
		t.Fatal(err)
	}
	if b.heal(); b.live("c2").Limits.Memory != 0 {
		t.Error("resumed, and not healed")
	}
	w = web(container("c1", memory(64<<20), drift("strict"), func(c *spec.Container) {
		c.Mounts = []spec.Mount{{Target: "/srv", Source: "/srv"}}
	}), container("c2", drift("strict")))
	w.Defer = true
	before := b.live("c1")
	b.apply(w)
	if out := b.heal(); len(out.Found) > 0 || b.live("c1").Started != before.Started {
		t.Errorf("a deferred change: %+v", out.Found)
	}
	b.host.Break("c1", func(c *resource.Container) { c.Limits.Memory = 1 })
	if out := b.heal(); b.live("c1").Limits.Memory != 64<<20 || b.live("c1").Started != before.Started {
		t.Errorf("beside a deferred change: %+v", out)
	}
}

// TestHealNetworks: a bridge that somebody deleted comes back, where somebody
// on it wants that.
func TestHealNetworks(t *testing.T) {
	for policy, mended := range map[string]bool{"report": false, "heal": true} {
		b := newBench(t)
		w := web(container("c1", drift(policy)), container("c2"))
		b.apply(w)
		networks, _ := b.host.Networks(ctx)
		if err := b.host.RemoveNetwork(ctx, networks[0]); err != nil {
			t.Fatal(err)
		}
		out, err := b.Heal(ctx, Healing{Hint: Hint{Networks: true}, Patience: heal.Usual()})
		if err != nil {
			t.Fatal(err)
		}
		networks, _ = b.host.Networks(ctx)
		if (len(networks) == 1) != mended || len(out.Found) != 1 {
			t.Errorf("%s: %+v, %+v", policy, networks, out)
		}
		b.heal()
		if p := b.plan(w); mended && !p.Empty() {
			t.Errorf("after it: %+v", p)
		}
	}
}

// TestServantsAreStartedAgain: who serves a network is strake's own process and no
// drift of anybody's, unless there is more to it.
func TestServantsAreStartedAgain(t *testing.T) {
	b := newBench(t)
	w := web(container("c1", drift("report")))
	w.Stack.Networks[0].DHCP, w.Stack.Networks[0].DNS = true, true
	b.apply(w)
	networks, _ := b.host.Networks(ctx)
	bridge := networks[0].Bridge
	served := func() bool {
		list, _ := b.host.Leases().Observe(ctx)
		return len(list) == 1
	}
	healed := func(h Healing) bool {
		t.Helper()
		h.Hint, h.Patience = Hint{Networks: true}, heal.Usual()
		b.host.Leases().End(bridge)
		if _, err := b.Heal(ctx, h); err != nil {
			t.Fatal(err)
		}
		return served()
	}
	if healed(Healing{May: func(string) bool { return false }}) {
		t.Error("of a stack that is not to be healed")
	}
	if !healed(Healing{}) {
		t.Error("nobody serves it")
	}
	b.settled(w)
	networks[0].MTU = 1400
	if err := b.host.EnsureNetwork(ctx, networks[0]); err != nil {
		t.Fatal(err)
	}
	if healed(Healing{}) {
		t.Error("what somebody has changed beside is mended without a policy")
	}
}

// TestWatch: a hint comes first of all, after each hand edit, and where to look
// is in it; while a run is under way none comes.
func TestWatch(t *testing.T) {
	b := newBench(t)
	w := web(container("c1"), container("c2"))
	w.Stack.Networks[0].DHCP = true
	b.apply(w)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	hints, err := b.Watch(ctx, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	next := func() Hint {
		t.Helper()
		select {
		case h := <-hints:
			return h
		case <-time.After(20 * time.Second):
			t.Fatal("no hint")
			return Hint{}
		}
	}
	if h := next(); !h.All {
		t.Errorf("first: %+v", h)
	}
	b.host.Break("c1", func(c *resource.Container) { c.NICs = nil })
	if h := next(); h.All || !slices.Equal(h.Containers, []string{"c1"}) {
		t.Errorf("an interface: %+v", h)
	}
	b.host.Kill(ctx, "c2")
	if h := next(); h.All || !slices.Equal(h.Containers, []string{"c2"}) {
		t.Errorf("a crash: %+v", h)
	}
	b.host.Flush()
	if h := next(); !h.All {
		t.Errorf("the firewall: %+v", h)
	}
	networks, _ := b.host.Networks(ctx)
	b.host.Leases().End(networks[0].Bridge)
	if h := next(); h.All || !h.Networks {
		t.Errorf("whoever serves a network: %+v", h)
	}
	unlock, _, err := b.State.Lock(ctx, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	b.host.Break("c1", func(c *resource.Container) { c.Hostname = "x" })
	select {
	case h := <-hints:
		t.Errorf("while a run is under way: %+v", h)
	case <-time.After(300 * time.Millisecond):
	}
	unlock()
	if h := next(); !slices.Contains(h.Containers, "c1") {
		t.Errorf("after the run: %+v", h)
	}
	stop()
	for range hints {
	}
}

// TestHealFlapping: what can't be mended is tried five times, told once, and
// tried again after a release.
func TestHealFlapping(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1", drift("heal"))))
	b.host.Kill(ctx, "c1")
	b.host.Fail["Start c1"] = context.DeadlineExceeded
	h := Healing{Hint: Hint{All: true}, Patience: heal.Patience{Tries: 5, Within: time.Minute, Waits: []time.Duration{0}}}
	runs, told := 0, 0
	look := func() {
		out, _ := b.Heal(ctx, h)
		if out.Run.ID != "" {
			runs++
		}
		for _, d := range out.Found {
			if slices.Contains(d.News, heal.Flapping) {
				told++
			}
		}
	}
	for range 10 {
		look()
	}
	if runs != 5 || told != 1 {
		t.Errorf("%d runs, told %d times", runs, told)
	}
	delete(b.host.Fail, "Start c1")
	look()
	if b.live("c1").State.Up() {
		t.Error("it was started though it flaps")
	}
	if err := b.Release(ctx, "c1"); err != nil {
		t.Fatal(err)
	}
	if look(); !b.live("c1").State.Up() {
		t.Error("a release does not help")
	}
}

// TestHealOfWhatAwaitsConfirmation: drift is mended to the generation that waits,
// and once that is taken back to the one before, whatever the text says of rollbacks; what was made stays down.
func TestHealOfWhatAwaitsConfirmation(t *testing.T) {
	b := newBench(t)
	keep := func(c *spec.Container) { no := false; c.Update.AutoRollback = &no }
	with := func(n int64) spec.Container { return container("c1", memory(n), drift("strict"), keep) }
	b.apply(web(with(64 << 20)))
	run := b.trial(web(with(128<<20), container("c2", drift("strict"), keep)), time.Hour)
	spoil := func() {
		b.host.Break("c1", func(c *resource.Container) { c.Limits.Memory = 1 << 30 })
		b.host.Kill(ctx, "c2")
	}
	spoil()
	b.heal()
	if b.live("c1").Limits.Memory != 128<<20 || !b.live("c2").State.Up() {
		t.Errorf("while it waits: %+v, %+v", b.live("c1"), b.live("c2"))
	}
	if list, err := b.Trials(); err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	run.Until = time.Now()
	if err := b.State.KeepRun(state.Unconfirmed, run.Run, run); err != nil {
		t.Fatal(err)
	}
	spoil()
	for range 2 {
		b.heal()
		if b.live("c1").Limits.Memory != 64<<20 || b.live("c2").State.Up() {
			t.Errorf("after it: %+v, %+v", b.live("c1"), b.live("c2"))
		}
	}
	if list, err := b.Trials(); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}
