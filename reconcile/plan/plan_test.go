package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/resource"
	"strake/spec"
)

// random makes some container of few possibilities, so that two of them often
// share much.
func random(r *rand.Rand) resource.Container {
	c := resource.Container{
		Name: "c", Hostname: pick(r, "c", "other"), Running: r.IntN(4) > 0,
		Image:    resource.Image{Source: pick(r, "builtin:busybox", "dir:/x"), Digest: pick(r, "sha256-1", "sha256-2")},
		Writable: []int{1 + r.IntN(2)},
		IDMap:    resource.IDMap{Base: 65536, Size: 65536},
		Limits:   resource.Limits{Memory: int64(r.IntN(2)) << 26, CPU: int64(r.IntN(2)) * 500},
		Protect:  r.IntN(2) == 0,
	}
	for i := range r.IntN(3) {
		c.NICs = append(c.NICs, resource.NIC{
			Name: fmt.Sprintf("eth%d", i), Network: "lan", Type: "bridged", Bridge: "st-lan", Device: fmt.Sprintf("vst%d", i),
			MAC: fmt.Sprintf("02:00:00:00:00:0%d", i), IPv4: fmt.Sprintf("10.0.0.%d/24", 2+i+r.IntN(2)),
			Filter: resource.Filter{MAC: r.IntN(2) == 0},
		})
	}
	if r.IntN(2) == 0 {
		c.Environment = map[string]string{"A": pick(r, "1", "2"), "B": "x"}
	}
	if r.IntN(3) == 0 {
		c.Mounts = []resource.Mount{{Target: "/srv", Source: pick(r, "/a", "/b")}}
	}
	if r.IntN(3) == 0 {
		c.Raw = map[string]string{"lxc.sched.core": pick(r, "0", "1")}
	}
	return c
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// running is what a host shows of a container that is exactly as c says.
func running(c resource.Container) resource.Observed {
	o := resource.Observed{Name: c.Name, Defined: true, State: resource.Stopped}
	if !c.Running {
		return o
	}
	o.State, o.Init, o.Started = resource.Running, 7, 7
	o.Have = c
	o.Have.DependsOn, o.Have.Protect, o.Have.Autostart = nil, false, resource.Autostart{}
	o.Have.Image.Source, o.Have.Image.Halt, o.Have.Image.Include = "", "", nil
	o.Have.NICs = slices.Clone(c.NICs)
	for i := range o.Have.NICs {
		o.Have.NICs[i].Network = ""
	}
	return o
}

func one(s Subject) ContainerPlan {
	return Compute(Input{Stack: "s", Subjects: []Subject{s}}).Containers[0]
}

// TestNothingToDo: what is as it was wanted and recorded needs nothing.
func TestNothingToDo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 2000 {
		c := random(r)
		p := one(Subject{Name: "c", Want: &c, Last: &c, From: 3, Next: 4, Have: running(c)})
		if p.Action != Keep || len(p.Changes) > 0 || len(p.Steps) > 0 || p.To != 3 {
			t.Fatalf("plan for %+v is not empty: %+v", c, p)
		}
	}
}

// TestNothingBad: whatever the three states are, a plan keeps these promises.
func TestNothingBad(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 20000 {
		want, last, live := random(r), random(r), random(r)
		s := Subject{Name: "c", Want: &want, Last: &last, From: 3, Next: 4, Have: running(live), Defer: r.IntN(4) == 0}
		p := one(s)
		if diff := cmp.Diff(p, one(s)); diff != "" {
			t.Fatalf("equal input, unequal plans: %s", diff)
		}
		kinds := map[Kind]int{}
		for i, step := range p.Steps {
			if _, again := kinds[step.Do]; again && step.NIC == "" {
				t.Fatalf("%s twice in %v", step.Do, p.Steps)
			}
			kinds[step.Do] = i
		}
		stop, stops := kinds[DoStop]
		start, starts := kinds[DoStart]
		switch {
		case stops && !live.Running:
			t.Fatalf("stops what does not run: %+v", p)
		case starts && live.Running && !stops:
			t.Fatalf("starts what runs: %+v", p)
		case starts && stops && start < stop:
			t.Fatalf("starts before it stops: %v", p.Steps)
		case stops && p.Impact < spec.Restart:
			t.Fatalf("impact %s with a stop in %v", p.Impact, p.Steps)
		case starts && !want.Running:
			t.Fatalf("starts what is not to run: %+v", p)
		case s.Defer && p.Action == Restart:
			t.Fatalf("a deferred restart: %+v", p)
		case p.New != (resource.Digest(want) != resource.Digest(last)):
			t.Fatalf("new generation: %v", p.New)
		case kinds[DoSwitch] > 0 && kinds[DoSwitch] < kinds[DoRecord]:
			t.Fatalf("switches before it records: %v", p.Steps)
		case p.Action.acts() != (len(p.Steps) > 0):
			t.Fatalf("action %s with steps %v", p.Action, p.Steps)
		}
		for _, ch := range p.Changes {
			if ch.Old == ch.New && ch.Last == ch.New {
				t.Fatalf("no change is a change: %+v", ch)
			}
		}
	}
}

// TestCauses: which of the three states differ says why a setting is there.
func TestCauses(t *testing.T) {
	base := resource.Container{Name: "c", Hostname: "c", Running: true, Limits: resource.Limits{Memory: 1 << 26}}
	with := func(n int64) resource.Container { c := base; c.Limits.Memory = n; return c }
	for _, c := range []struct {
		want, last, live int64
		cause            Cause
		action           Action
	}{
		{2 << 26, 1 << 26, 1 << 26, Changed, Update},
		{1 << 26, 1 << 26, 2 << 26, Drift, Update},
		{3 << 26, 1 << 26, 2 << 26, Conflict, Update},
		{2 << 26, 1 << 26, 2 << 26, Settled, Record},
	} {
		want, last := with(c.want), with(c.last)
		p := one(Subject{Name: "c", Want: &want, Last: &last, From: 1, Next: 2, Have: running(with(c.live))})
		if len(p.Changes) != 1 || p.Changes[0].Cause != c.cause || p.Action != c.action {
			t.Errorf("want %d last %d live %d: %+v", c.want, c.last, c.live, p)
		}
	}
}

// TestIgnored leaves a live value alone.
func TestIgnored(t *testing.T) {
	want := resource.Container{Name: "c", Running: true, Limits: resource.Limits{Memory: 1 << 26, CPU: 500}, Ignore: []string{"limits"}}
	live := want
	live.Limits = resource.Limits{Memory: 2 << 26}
	if p := one(Subject{Name: "c", Want: &want, Last: &want, From: 1, Next: 2, Have: running(live)}); p.Action != Keep {
		t.Errorf("%+v", p)
	}
}

// TestKeysCovered: every setting that a container can have is in the table,
// and the table has no key that nothing uses.
func TestKeysCovered(t *testing.T) {
	yes := resource.Filter{MAC: true, IPv4: true, IPv6: true}
	full := resource.Container{
		Name: "c", Hostname: "c", Running: true, Resolver: resource.Resolver{Servers: []string{"10.9.0.1"}, Search: []string{"lan"}},
		Image: resource.Image{Source: "s", Include: []string{"i"}, Digest: "d"}, Writable: []int{1},
		Autostart: resource.Autostart{Enabled: true, Order: 1, Delay: 1, Group: "g"},
		IDMap:     resource.IDMap{Privileged: true, Base: 1, Size: 1},
		NICs: []resource.NIC{{Name: "eth0", Network: "n", Type: "bridged", Bridge: "b", Device: "d", MAC: "m", IPv4: "4", IPv6: "6",
			Gateway4: "g", Gateway6: "g", MTU: 1, Filter: yes, Parent: "p", VLAN: 1, Oddities: "o", Addresses: []string{"a"}, Prefixes: []string{"p"},
			Routes: []resource.Route{{To: "1.2.3.0/24", Via: "v"}}, Limits: resource.Rates{Ingress: 1, Egress: 1},
			Publish: []resource.Publish{{Port: 1, To: 1, Protocol: "tcp"}}}},
		Environment: map[string]string{"A": "1"}, Limits: resource.Limits{Memory: 1, CPU: 1, Processes: 1},
		Mounts: []resource.Mount{{Target: "/t", Source: "/s", Volume: "v", Size: 1, ReadOnly: true}},
		Egress: []resource.Egress{{Name: "e", Allow: []string{"a"}, Deny: []string{"d"}, Ports: []int{1}, Mode: "enforce", Upstream: "u",
			UpstreamUser: "m", UpstreamPassword: &resource.Secret{Digest: "d"},
			Limits: resource.EgressLimits{Connections: 1, Rate: 1, Daily: 1, Idle: 1}}},
		EgressAt: []string{resource.LoopbackProxy}, Publish: []resource.Publish{{Port: 1, To: 1}},
		Layers: []string{"l"}, System: &resource.System{Packages: []string{"p"}, Run: []string{"r"}, Services: []resource.Service{{Name: "a.service"}},
			Users: []resource.User{{Name: "u", UID: 1, Home: "/h", Shell: "/s", Groups: []string{"g"}}}, Files: []resource.File{{Path: "/f.x", Content: "c", Mode: "m", Owner: "o"}}},
		Build:  &resource.Build{Network: "n", Egress: []resource.Egress{{Name: "e"}}, Timeout: 1},
		Files:  []resource.File{{Path: "/f.x", Content: "c", Mode: "m", Owner: "o", OnChange: "restart"}},
		Rootfs: resource.Rootfs{Ephemeral: true, Size: 1},
		Health: &resource.Health{StartPeriod: 1, Interval: 1, Timeout: 1, Failures: 1, MinHealthy: 1, Deadline: 1, Checks: []resource.Check{{
			Name: "http/a", URL: "u", Status: 1, Address: "a", Command: []string{"c"}, Units: []string{"u"}, NIC: "n", Path: "p", Interval: 1, Timeout: 1, Failures: 1}}},
		Update: resource.Update{KeepFailed: true, MaxParallel: 1, Canary: 1},
		Hidden: map[string]resource.Secret{"B": {Digest: "d"}}, SecretFiles: []resource.SecretFile{{Target: "/x", Mode: 0o400}},
		DependsOn: []string{"x"}, Raw: map[string]string{"lxc.x": "1"}, Protect: true, Drift: "heal", Ignore: []string{"x"},
	}
	used := map[string]bool{`nic["*"]`: true, `mount["*"]`: true, `egress["*"]`: true, `secret_file["*"]`: true, `file["*"]`: true, `config["*"]`: true} // blocks, and what only the host shows
	table := newComparer()
	for _, s := range full.Settings() {
		if table.key(s.Path).Path == "" {
			t.Errorf("%s is not in the key table", s.Path)
		}
		used[spec.Pattern(s.Path)] = true
	}
	for _, k := range spec.Keys() {
		if !used[k.Path] {
			t.Errorf("nothing has the key %s", k.Path)
		}
	}
}

// TestNetworkKeysCovered does for networks what TestKeysCovered does.
func TestNetworkKeysCovered(t *testing.T) {
	full := resource.Network{Name: "n", Bridge: "b", MAC: "m", IPv4: "4", IPv6: "6", MTU: 1, NAT: true, NATThrough: "i", DHCP: true, DNS: true,
		Upstream: []string{"u"}, RA: true, Isolate: true, HostAccess: true, Oddities: "o"}
	var have, table []string
	for _, s := range full.Settings() {
		have = append(have, s.Path)
	}
	for _, k := range spec.NetworkKeys() {
		table = append(table, k.Path)
	}
	slices.Sort(have)
	slices.Sort(table)
	if diff := cmp.Diff(table, have); diff != "" {
		t.Error(diff)
	}
}

// TestSecretsRedacted: digests tell values apart, and no change shows one.
func TestSecretsRedacted(t *testing.T) {
	with := func(digest string) resource.Container {
		return resource.Container{
			Name: "c", Running: true, Hidden: map[string]resource.Secret{"A": {From: "secret.a", Digest: digest}},
			SecretFiles: []resource.SecretFile{{Target: "/x", Secret: resource.Secret{From: "secret.a", Digest: digest}, Mode: 0o400}},
		}
	}
	last, want := with("d1g"), with("d2g")
	p := one(Subject{Name: "c", Want: &want, Last: &last, From: 1, Next: 2, Have: running(last)})
	if p.Action != Update || len(p.Changes) != 2 {
		t.Fatalf("%s: %+v", p.Action, p.Changes)
	}
	for _, c := range append(p.Changes, Between(last, want)...) {
		if c.Old != resource.Redacted || c.New != resource.Rotated || c.Last != resource.Redacted || c.Impact != spec.Live {
			t.Errorf("%+v", c)
		}
	}
	if p := one(Subject{Name: "c", Want: &last, Last: &last, From: 1, Next: 2, Have: running(last)}); p.Action != Keep {
		t.Errorf("the same: %s: %+v", p.Action, p.Changes)
	}
	gone := last
	gone.Hidden, gone.SecretFiles = nil, nil
	p = one(Subject{Name: "c", Want: &last, Last: &last, From: 1, Next: 2, Have: running(gone)})
	if p.Action != Update || p.Changes[0].Cause != Drift || p.Changes[0].Old != "" || p.Changes[0].New != resource.Redacted {
		t.Errorf("missing: %+v", p.Changes)
	}
}
