package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"strake/reconcile/apply"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/host/vault"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
	"strake/spec"
)

// bench is an engine on a host in memory.
type bench struct {
	*Engine
	t    *testing.T
	host *hosttest.Host

	layers *hosttest.Layers
}

func newBench(t *testing.T) *bench {
	t.Helper()
	h, l := hosttest.New(), &hosttest.Layers{}
	return &bench{layers: l, t: t, host: h, Engine: &Engine{
		Host:  Host{Containers: h, Devices: h, Filter: h, Leases: h.Leases(), Roots: h, Units: h, Images: hosttest.Images{}, Disks: hosttest.Disks{}, Layers: l, Builder: l, Subids: h, Vault: vault.Open(t.TempDir()), Probes: h, Outlets: h.Outlets()},
		State: state.Open(t.TempDir(), hosttest.Render), By: "test", Wait: time.Second,
	}}
}

func yes(plan.Plan) error { return nil }

var how = How{Approve: yes}

func web(containers ...spec.Container) Wish {
	return Wish{Source: "web.hcl", Origin: "/etc/web.hcl", Stack: spec.Stack{
		Name:       "web",
		Networks:   []spec.Network{{Name: "lan", IPv4: "10.9.0.1/24"}},
		Containers: containers,
	}}
}

func container(name string, change ...func(*spec.Container)) spec.Container {
	c := spec.Container{Name: name, NICs: []spec.NIC{{Name: "eth0", Network: "lan"}}}
	for _, f := range change {
		f(&c)
	}
	return c
}

func memory(n int64) func(*spec.Container) { return func(c *spec.Container) { c.Limits.Memory = n } }

func (b *bench) apply(w Wish) Outcome {
	b.t.Helper()
	out, err := b.Apply(context.Background(), w, how)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bench) plan(w Wish) plan.Plan {
	b.t.Helper()
	p, err := b.Plan(context.Background(), w)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) live(name string) resource.Live {
	b.t.Helper()
	live, err := b.host.Inspect(context.Background(), name, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return live
}

func (b *bench) settled(w Wish) {
	b.t.Helper()
	if p := b.plan(w); p.Differs() {
		b.t.Fatalf("plan after apply is not empty: %+v", p)
	}
}

func TestCreateUpdateRollback(t *testing.T) {
	b := newBench(t)
	one := web(container("c1", memory(64<<20)), container("c2"))
	b.apply(one)
	b.settled(one)
	first := b.live("c1")
	if first.Limits.Memory != 64<<20 || !first.State.Up() {
		t.Fatalf("c1 is %+v", first)
	}
	two := web(container("c1", memory(128<<20)), container("c2"))
	b.apply(two)
	b.settled(two)
	if now := b.live("c1"); now.Limits.Memory != 128<<20 || now.Started != first.Started {
		t.Fatalf("live change: %+v", now)
	}
	if _, err := b.Rollback(context.Background(), Target{Container: "c1"}, how); err != nil {
		t.Fatal(err)
	}
	if now := b.live("c1"); now.Limits.Memory != 64<<20 || now.Started != first.Started {
		t.Fatalf("rollback: %+v", now)
	}
	if p := b.plan(two); p.Containers[0].Action != plan.Held {
		t.Fatalf("after a rollback the same text is %s, want held", p.Containers[0].Action)
	}
	b.settled(one)
}

func TestDriftIsMended(t *testing.T) {
	b := newBench(t)
	w := web(container("c1", memory(64<<20), func(c *spec.Container) {
		c.Environment = map[string]string{"A": "1"}
		c.Mounts = []spec.Mount{{Target: "/srv", Source: "/srv"}}
	}))
	b.apply(w)
	for name, spoil := range map[string]func(){
		"memory":      func() { b.host.Break("c1", func(c *resource.Container) { c.Limits.Memory = 1 << 30 }) },
		"hostname":    func() { b.host.Break("c1", func(c *resource.Container) { c.Hostname = "x" }) },
		"nic gone":    func() { b.host.Break("c1", func(c *resource.Container) { c.NICs = nil }) },
		"address":     func() { b.host.Break("c1", func(c *resource.Container) { c.NICs[0].IPv4 = "10.9.0.99/24" }) },
		"mount":       func() { b.host.Break("c1", func(c *resource.Container) { c.Mounts = nil }) },
		"environment": func() { b.host.SetEnvironment("c1", resource.IDMap{}, map[string]string{"A": "2"}) },
		"firewall":    b.host.Flush,
		"stopped":     func() { b.host.Kill(context.Background(), "c1") },
		"undefined":   func() { b.host.Undefine("c1") },
	} {
		t.Run(name, func(t *testing.T) {
			spoil()
			if p := b.plan(w); p.Empty() {
				t.Fatal("not seen")
			}
			b.apply(w)
			b.settled(w)
		})
	}
}

func TestFailureIsUndone(t *testing.T) {
	b := newBench(t)
	one := web(container("c1", memory(64<<20)))
	b.apply(one)
	b.host.Fail["SetLimits c1"] = errors.New("device or resource busy")
	two := web(container("c1", memory(128<<20), func(c *spec.Container) { c.Hostname = "other" }))
	_, err := b.Apply(context.Background(), two, how)
	if !errors.Is(err, apply.ErrStuck) { // the way back needs SetLimits too
		t.Fatalf("error %v, want ErrStuck", err)
	}
	delete(b.host.Fail, "SetLimits c1")
	b.host.Fail["SetHostname c1"] = errors.New("permission denied")
	_, err = b.Apply(context.Background(), two, how)
	if !errors.Is(err, apply.ErrRolledBack) || errors.Is(err, apply.ErrStuck) {
		t.Fatalf("error %v, want ErrRolledBack", err)
	}
	delete(b.host.Fail, "SetHostname c1")
	b.settled(one)
}

func TestFailedCreateLeavesNothing(t *testing.T) {
	b := newBench(t)
	b.host.Fail["Start c1"] = errors.New("no such luck")
	w := web(container("c1"))
	if _, err := b.Apply(context.Background(), w, how); !errors.Is(err, apply.ErrRolledBack) {
		t.Fatalf("error %v, want ErrRolledBack", err)
	}
	names, _ := b.State.Containers()
	if _, defined, _ := b.host.Definition("c1"); len(names) != 0 || defined {
		t.Fatalf("left over: folders %v, defined %v", names, defined)
	}
	delete(b.host.Fail, "Start c1")
	b.apply(w)
	b.settled(w)
}

func TestDeferredRestart(t *testing.T) {
	b := newBench(t)
	one := web(container("c1"))
	b.apply(one)
	started := b.live("c1").Started
	two := web(container("c1", func(c *spec.Container) { c.Raw = map[string][]string{"lxc.sched.core": {"1"}} }))
	two.Defer = true
	b.apply(two)
	if p := b.plan(two); p.Containers[0].Action != plan.Pending {
		t.Fatalf("action %s, want pending", p.Containers[0].Action)
	}
	if b.live("c1").Started != started {
		t.Fatal("it was restarted")
	}
	if err := b.Restart(context.Background(), "c1", time.Second); err != nil {
		t.Fatal(err)
	}
	two.Defer = false
	b.settled(two)
}

func TestDestroyFreesTheAddress(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1")))
	address := b.nic("c1").IPv4
	if _, err := b.Destroy(context.Background(), "c1", Destruction{}, how); !errors.Is(err, ErrPolicy) {
		t.Fatalf("destroy of a running one: %v", err)
	}
	if err := b.Stop(context.Background(), "c1", time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Destroy(context.Background(), "c1", Destruction{Purge: true}, how); err != nil {
		t.Fatal(err)
	}
	b.apply(web(container("other")))
	if got := b.nic("other").IPv4; got != address {
		t.Fatalf("address %s, want the freed %s", got, address)
	}
}

func (b *bench) nic(name string) resource.NIC {
	b.t.Helper()
	nics, err := b.host.NICs(context.Background(), b.live(name).Init, nil)
	if err != nil || len(nics) != 1 {
		b.t.Fatal(nics, err)
	}
	return nics[0]
}

func TestStoppedByHandStays(t *testing.T) {
	b := newBench(t)
	w := web(container("c1"))
	b.apply(w)
	if err := b.Stop(context.Background(), "c1", time.Second); err != nil {
		t.Fatal(err)
	}
	b.apply(w)
	if b.live("c1").State.Up() {
		t.Fatal("apply started what the operator had stopped")
	}
	if err := b.Start(context.Background(), "c1"); err != nil {
		t.Fatal(err)
	}
	b.settled(w)
}

func TestManyAndDependencies(t *testing.T) {
	b := newBench(t)
	var list []spec.Container
	for i := range 50 {
		list = append(list, container(fmt.Sprintf("n%02d", i), func(c *spec.Container) {
			if i > 0 {
				c.DependsOn = []string{fmt.Sprintf("n%02d", i-1)}
			}
		}))
	}
	w := web(list...)
	b.apply(w)
	b.settled(w)
	for i := 1; i < 50; i++ {
		if b.live(fmt.Sprintf("n%02d", i)).Started < b.live(fmt.Sprintf("n%02d", i-1)).Started {
			t.Fatalf("n%02d came up before what it depends on", i)
		}
	}
}

func TestAtomicUndoesAll(t *testing.T) {
	b := newBench(t)
	one := web(container("c1", memory(64<<20)), container("c2", memory(64<<20)))
	b.apply(one)
	b.host.Fail["SetHostname c2"] = errors.New("no")
	two := web(container("c1", memory(128<<20)), container("c2", func(c *spec.Container) { c.Hostname = "x"; c.Limits.Memory = 64 << 20 }))
	all := how
	all.Atomic = true
	if _, err := b.Apply(context.Background(), two, all); !errors.Is(err, apply.ErrRolledBack) {
		t.Fatalf("error %v, want ErrRolledBack", err)
	}
	if got := b.live("c1").Limits.Memory; got != 64<<20 {
		t.Fatalf("c1 keeps %d: one failure undoes all", got)
	}
	b.settled(one)
}

func TestFailedRunLeavesOthersApplied(t *testing.T) {
	b := newBench(t)
	b.apply(web(container("c1"), container("c2")))
	b.host.Fail["SetHostname c2"] = errors.New("no")
	two := web(container("c1", memory(128<<20)), container("c2", func(c *spec.Container) { c.Hostname = "x" }))
	out, err := b.Apply(context.Background(), two, how)
	if !errors.Is(err, apply.ErrRolledBack) || len(out.Results) != 2 {
		t.Fatalf("%v %+v", err, out.Results)
	}
	if b.live("c1").Limits.Memory != 128<<20 || b.live("c2").Hostname != "c2" {
		t.Fatal("c1 is applied, c2 is as it was")
	}
	if out.Stack != 2 {
		t.Fatalf("stack generation %d, want 2: something changed", out.Stack)
	}
}

func TestRecreateKeepsTheOldLayer(t *testing.T) {
	b := newBench(t)
	one := web(container("c1"))
	b.apply(one)
	two := web(container("c1", func(c *spec.Container) { c.Image = &spec.Image{Source: "dir:/other"} }))
	if p := b.plan(two); p.Containers[0].Action != plan.Recreate {
		t.Fatalf("action %s, want recreate", p.Containers[0].Action)
	}
	b.apply(two)
	b.settled(two)
	if _, err := b.Rollback(context.Background(), Target{Container: "c1"}, how); err != nil {
		t.Fatal(err)
	}
	c, n, err := b.Current("c1")
	if err != nil || n != 3 || !slices.Equal(c.Writable, []int{3, 1}) {
		t.Fatalf("generation %d, layers %v, %v; want the first again, on the first layer", n, c.Writable, err)
	}
	b.settled(one)
}

func TestStackRollback(t *testing.T) {
	b := newBench(t)
	one := web(container("c1", memory(64<<20)), container("c2", memory(64<<20)))
	b.apply(one)
	two := web(container("c1", memory(128<<20)), container("c2", memory(128<<20)))
	two.Stack.Networks[0].IPv4 = "10.10.0.1/24"
	b.apply(two)
	b.settled(two)
	if _, err := b.Rollback(context.Background(), Target{Container: "c1"}, how); !errors.Is(err, ErrPolicy) {
		t.Fatalf("rollback onto a network that has moved: %v, want ErrPolicy", err)
	}
	if _, err := b.RollbackStack(context.Background(), StackTarget{Stack: "web"}, how); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"c1", "c2"} {
		if b.live(name).Limits.Memory != 64<<20 {
			t.Errorf("%s was not taken back", name)
		}
	}
	b.settled(one)
}

func TestStacksLeaveEachOtherAlone(t *testing.T) {
	b := newBench(t)
	empty := Wish{Source: "other.hcl", Origin: "/etc/other.hcl", Stack: spec.Stack{
		Name: "other", Networks: []spec.Network{{Name: "spare", IPv4: "10.8.0.1/24"}},
	}}
	b.apply(empty)
	w := web(container("c1", memory(64<<20)))
	b.apply(w)
	b.settled(empty)
	b.apply(web(container("c1", memory(128<<20))))
	if _, err := b.Rollback(context.Background(), Target{Container: "c1"}, how); err != nil {
		t.Fatal(err)
	}
	b.settled(empty)
	b.settled(w)
}

func TestFailedRunChangesNetworksBack(t *testing.T) {
	b := newBench(t)
	one := web(container("c1"))
	b.apply(one)
	b.host.Fail["SetHostname c1"] = errors.New("no")
	two := web(container("c1", func(c *spec.Container) { c.Hostname = "x" }))
	two.Stack.Networks[0].IPv4 = "10.10.0.1/24"
	if _, err := b.Apply(context.Background(), two, how); !errors.Is(err, apply.ErrRolledBack) {
		t.Fatalf("%v, want ErrRolledBack", err)
	}
	b.settled(one)
}
