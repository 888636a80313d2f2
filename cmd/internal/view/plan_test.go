package view

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares a whole screen with testdata/NAME.txt.
func golden(t *testing.T, name, have string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(have), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != have {
		t.Errorf("%s is\n%s\nwant\n%s", name, have, want)
	}
}

const digest = "sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// container is one that most screens are about.
func container(change ...func(*resource.Container)) *resource.Container {
	c := &resource.Container{
		Name: "web1", Hostname: "web1", Running: true, Writable: []int{1},
		Image: resource.Image{Source: "debootstrap:bookworm", Digest: digest},
		IDMap: resource.IDMap{Base: 1000000, Size: 65536},
		NICs: []resource.NIC{{
			Name: "eth0", Network: "lan", Type: "bridged", Bridge: "st-lan", Device: "vst1", MAC: "02:00:00:00:00:01", IPv4: "10.9.0.2/24",
			Filter: resource.Filter{MAC: true, IPv4: true},
		}},
		Mounts: []resource.Mount{{Target: "/srv", Source: "/srv/web", ReadOnly: true}},
		Limits: resource.Limits{Memory: 2 << 30, CPU: 2000},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

// subject is web1, running as generation 11, and wanted so.
func subject(change ...func(*plan.Subject)) plan.Subject {
	last := container()
	s := plan.Subject{
		Name: "web1", Last: last, Want: container(), From: 11, Next: 12, UUID: "u", Pos: at(1),
		At:   map[string]spec.Pos{"limits.memory": at(12), "limits.cpus": at(13), `mount["/srv"]`: at(18), `nic["eth1"]`: at(20)},
		Have: resource.Observed{Name: "web1", Defined: true, Owner: "u", State: resource.Running, Have: *container()},
	}
	for _, f := range change {
		f(&s)
	}
	return s
}

func at(line int) spec.Pos { return spec.Pos{File: "web.hcl", Line: line} }

func want(f func(*resource.Container)) func(*plan.Subject) {
	return func(s *plan.Subject) { f(s.Want) }
}

func live(f func(*resource.Container)) func(*plan.Subject) {
	return func(s *plan.Subject) { f(&s.Have.Have) }
}

func memory(n int64) func(*resource.Container) {
	return func(c *resource.Container) { c.Limits.Memory = n }
}

func cpus(n int64) func(*resource.Container) { return func(c *resource.Container) { c.Limits.CPU = n } }

func away(d time.Duration) func(*plan.Subject) {
	return func(s *plan.Subject) { s.Away = d }
}

func source(s string) func(*resource.Container) {
	return func(c *resource.Container) { c.Mounts[0].Source = s }
}

// other is a container that stays as it is.
func other(name string) plan.Subject {
	return subject(func(s *plan.Subject) { s.Name, s.Want.Name, s.Last.Name, s.Have.Have.Name = name, name, name, name })
}

func lan() *resource.Network {
	return &resource.Network{Name: "lan", Bridge: "st-lan", MAC: "02:00:00:00:00:ff", IPv4: "10.9.0.1/24", NAT: true}
}

// TestPlan shows every kind of plan as a whole screen. The plans are made by
// the planner, so that what is shown is what there can be.
func TestPlan(t *testing.T) {
	for name, in := range map[string]plan.Input{
		"create": {
			Networks: []plan.NetworkSubject{{Name: "lan", Want: lan(), Pos: at(2)}},
			Subjects: []plan.Subject{{
				Name: "web1", Next: 1, UUID: "u", Pos: at(4), At: map[string]spec.Pos{"limits.memory": at(12)},
				Want: container(func(c *resource.Container) { c.Image.Digest = "" }),
			}},
		},
		"live":     {Subjects: []plan.Subject{subject(want(memory(4 << 30))), other("web2")}},
		"live-nic": {Subjects: []plan.Subject{subject(want(secondNIC))}},
		"restart":  {Subjects: []plan.Subject{subject(want(source("/srv/new")), want(cpus(4000)), away(420*time.Millisecond)), other("web2")}},
		"stop":     {Subjects: []plan.Subject{subject(want(func(c *resource.Container) { c.Running = false }))}},
		"recreate": {Subjects: []plan.Subject{subject(want(func(c *resource.Container) {
			c.Image = resource.Image{Source: "builtin:busybox"}
			c.Writable = []int{2}
		}))}},
		"drift": {Subjects: []plan.Subject{subject(live(memory(3<<30)), live(func(c *resource.Container) { c.NICs = nil }))}},
		"drift-config": {Subjects: []plan.Subject{subject(func(s *plan.Subject) {
			s.Have.Config = []resource.Setting{{Path: `config["lxc.cap.drop"]`, Value: "missing"}}
		})}},
		"conflict": {Subjects: []plan.Subject{subject(want(cpus(4000)), live(cpus(3000)))}},
		"settled":  {Subjects: []plan.Subject{subject(want(memory(4<<30)), live(memory(4<<30)))}},
		"deferred": {Subjects: []plan.Subject{subject(want(source("/srv/new")), want(memory(4<<30)), func(s *plan.Subject) { s.Defer = true })}},
		"pending": {Subjects: []plan.Subject{subject(live(source("/srv/old")), func(s *plan.Subject) {
			s.Pending, s.Defer = []string{`mount["/srv"].source`}, true
		})}},
		"held": {Subjects: []plan.Subject{subject(want(memory(4<<30)), func(s *plan.Subject) {
			s.Held, s.HeldWhy = []string{plan.HoldDigest(*s.Want)}, "rolled back"
		}), other("web2")}},
		"proving": {Subjects: []plan.Subject{subject(want(memory(4<<30)), func(s *plan.Subject) {
			proving := *s.Want
			proving.Health = &resource.Health{Interval: time.Second, Timeout: time.Second, Failures: 3, MinHealthy: 10 * time.Second, Deadline: 2 * time.Minute,
				Checks: []resource.Check{{Name: "http/page", URL: "http://:8080/healthz"}, {Name: "units", Units: []string{"a.service"}}}}
			s.Want = &proving
		})}},
		"rename": {Subjects: []plan.Subject{
			subject(renamed, away(420*time.Millisecond), want(memory(4<<30))),
			subject(renamed, func(s *plan.Subject) {
				want := s.Want.Named("web2")
				s.Name, s.Want, s.Have.State, s.Stopped = "web2", &want, resource.Stopped, true
			}),
		}},
		"rename-deferred": {Subjects: []plan.Subject{subject(renamed, func(s *plan.Subject) { s.Defer = true })}},
		"removed": {Subjects: []plan.Subject{
			subject(removed("web1", "forget")), subject(removed("web2", "retire")), subject(removed("web3", "purge")),
		}},
		"orphan": {Subjects: []plan.Subject{subject(func(s *plan.Subject) { s.Want = nil })}},
		"retire": {Subjects: []plan.Subject{subject(func(s *plan.Subject) { s.Want, s.Prune = nil, true })}},
		"network": {Networks: []plan.NetworkSubject{
			{Name: "lan", Want: lan(), Have: &resource.Network{Name: "lan", Bridge: "st-lan", MAC: "02:00:00:00:00:ff", IPv4: "10.9.0.1/24"}, Pos: at(2), Damaged: "changed"},
			{Name: "old", Have: &resource.Network{Name: "old", Bridge: "st-old"}},
		}},
		"empty":      {Networks: []plan.NetworkSubject{{Name: "lan", Want: lan(), Have: lan()}}, Subjects: []plan.Subject{subject(), other("web2")}},
		"empty-note": {Subjects: []plan.Subject{subject(func(s *plan.Subject) { s.Stopped, s.Have.State = true, resource.Stopped })}},
	} {
		t.Run(name, func(t *testing.T) {
			in.Stack, in.Source = "web", "web.hcl"
			p := plan.Compute(in)
			p.Commit = "3f2c1ab99"
			var b bytes.Buffer
			if err := Plan(&b, p, PlanOptions{}); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.String())
		})
	}
}

// renamed has the container stand under another name.
func renamed(s *plan.Subject) {
	last := s.Last.Named("web0")
	s.Last, s.Was, s.WasPos = &last, "web0", at(30)
	s.Have.Name, s.Have.Have.Hostname = "web0", "web0"
}

func removed(name, action string) func(*plan.Subject) {
	return func(s *plan.Subject) { s.Name, s.Want, s.Removed = name, nil, action }
}

func secondNIC(c *resource.Container) {
	c.NICs = append(c.NICs, resource.NIC{
		Name: "eth1", Network: "back", Type: "bridged", Bridge: "st-back", Device: "vst2", MAC: "02:00:00:00:00:02", IPv4: "10.8.0.2/24", IPv6: "fd42::2/64",
		Prefixes: []string{"192.0.2.0/28"}, Routes: []resource.Route{{To: "198.51.100.0/24", Via: "10.8.0.9"}}, Limits: resource.Rates{Ingress: 1e7},
		Publish: []resource.Publish{{Port: 8080, To: 80, Protocol: "tcp"}},
	})
}

// TestPurge: what is deleted for good says so.
func TestPurge(t *testing.T) {
	p := plan.Compute(plan.Input{Stack: "web", Source: "destroy", Subjects: []plan.Subject{subject(func(s *plan.Subject) { s.Want, s.Removed = nil, "purge" })}})
	var b bytes.Buffer
	if err := Plan(&b, p, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "purge", b.String())
}

// TestColour: colours take no room, and are nowhere unless asked for.
func TestColour(t *testing.T) {
	p := plan.Compute(plan.Input{Stack: "web", Source: "web.hcl", Subjects: []plan.Subject{subject(want(source("/srv/new")), live(cpus(3000)))}})
	var plain, painted bytes.Buffer
	if err := Plan(&plain, p, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := Plan(&painted, p, PlanOptions{Style: Style{Color: true}}); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(plain.Bytes(), []byte("\x1b")) || !bytes.Contains(painted.Bytes(), []byte("\x1b[")) {
		t.Fatalf("plain is %q, painted is %q", plain.String(), painted.String())
	}
	if have := stripped(painted.String()); have != plain.String() {
		t.Errorf("without its colours it is\n%s\nwant\n%s", have, plain.String())
	}
}

// TestHostile: a value can't move the cursor of who looks at a plan.
func TestHostile(t *testing.T) {
	p := plan.Compute(plan.Input{Stack: "web", Source: "web.hcl", Subjects: []plan.Subject{subject(live(func(c *resource.Container) { c.Hostname = "a\x1b[2Jb" }))}})
	var b bytes.Buffer
	if err := Plan(&b, p, PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("\x1b")) || !bytes.Contains(b.Bytes(), []byte(`a\x1b[2Jb`)) {
		t.Errorf("it shows %q", b.String())
	}
}
