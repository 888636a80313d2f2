package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// text is the configuration of the crash tests.
func text(body string) string {
	return `network "crash" {
  bridge = "crash0"
  ipv4   = "10.77.0.1/24"
  dhcp   = true
  dns    = true
}
` + body
}

const (
	before = `container "crash1" {
  environment = { A = "1" }
  file "/etc/both" { content = "1" }
  file "/etc/made/gone" { content = "1" }
  limits { memory = "64MiB" }
  nic "eth0" { network = network.crash }
}`
	live = `container "crash1" {
  hostname    = "other"
  environment = { A = "2" }
  file "/etc/both" { content = "2" }
  file "/etc/new/new" { content = "2" }
  limits { memory = "128MiB" }
  nic "eth1" {
    network   = network.crash
    addresses = ["10.77.0.77"]
    prefixes  = ["192.0.2.0/28"]
    route "198.51.100.0/24" { via = "10.77.0.9" }
    limits {
      ingress = "8Mbit"
      egress  = "4Mbit"
    }
    publish "8080" { to = 80 }
  }
  nic "eth2" {
    type = "routed"
    ipv6 = "2001:db8::77"
  }
}`
	moved = `container "crash2" {
  environment = { A = "1" }
  file "/etc/both" { content = "1" }
  file "/etc/made/gone" { content = "1" }
  limits { memory = "64MiB" }
  nic "eth0" { network = network.crash }
}
moved {
  from = container.crash1
  to   = container.crash2
}`
	layered = `container "crash1" {
  environment = { A = "1" }
  system {
    run = ["echo made >/etc/made", "echo more >>/etc/made"]
    file "/etc/long" { content = join("", [for i in range(1000) : "a long line of text"]) }
  }
  limits { memory = "64MiB" }
  nic "eth0" { network = network.crash }
}`
	restart = `container "crash1" {
  environment = { A = "2" }
  file "/etc/both" { content = "3" }
  raw         = { "lxc.sched.core" = "0", "lxc.prlimit.nofile" = "1000" }
  limits { memory = "128MiB" }
  nic "eth0" { network = network.crash }
}`
)

// TestCrash kills strake at every journalled moment of every kind of change.
// The next run has to converge, whatever was half done, and nothing is left
// over at the end.
func TestCrash(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		command       []string
	}{
		"create":   {"", before, []string{"apply", "-y", "c.hcl"}},
		"live":     {before, live, []string{"apply", "-y", "c.hcl"}},
		"restart":  {before, restart, []string{"apply", "-y", "c.hcl"}},
		"destroy":  {before, before, []string{"destroy", "-y", "--force", "--purge", "crash1"}},
		"rename":   {before, moved, []string{"apply", "-y", "c.hcl"}},
		"build":    {before, layered, []string{"apply", "-y", "c.hcl"}},
		"rollback": {live, "", []string{"rollback", "-y", "crash1"}},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < 100; n++ {
				if !crashAt(t, n, c.before, c.after, c.command) {
					if n == 1 {
						t.Fatal("it never crashed: the hook does not work")
					}
					return
				}
			}
			t.Fatal("it crashes for ever")
		})
	}
}

// crashAt plays one death. It returns false when the command ended before
// its n-th moment.
func crashAt(t *testing.T, n int, first, then string, command []string) bool {
	t.Helper()
	dir, err := os.MkdirTemp("", "strake-crash")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.end()
	groups := slices.Concat(cgroups("crash1"), cgroups("crash2"))
	must := func(args ...string) string {
		t.Helper()
		if r := w.strake(nil, args...); r.code != 0 {
			t.Fatalf("death %d: strake %s: exit %d\n%s", n, strings.Join(args, " "), r.code, r.out)
			return ""
		} else {
			return r.out
		}
	}
	write := func(body string) {
		if err := os.WriteFile(filepath.Join(dir, "c.hcl"), []byte(text(body)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if command[0] == "rollback" {
		write(before)
		must("apply", "-y", "c.hcl")
	}
	if first != "" {
		write(first)
		must("apply", "-y", "c.hcl")
	}
	identity := ""
	if then == moved {
		must("run", "crash1", "--", "sh", "-c", "echo data >/kept")
		identity = "data\n" + must("show-ip", "crash1")
	}
	if then != "" {
		write(then)
	}
	r := w.strake([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", n)}, command...)
	if !r.killed && r.code != 0 {
		t.Fatalf("death %d: exit %d\n%s", n, r.code, r.out)
	}
	if open := w.open(t); len(open) > 0 {
		t.Errorf("death %d: interfaces without a filter: %v", n, open)
	}
	if then == moved && r.killed { // and once more, wherever the way back is by then
		w.strake([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", n%9+1)}, command...)
	}
	if command[0] == "rollback" {
		write(before)
		must("release", "crash1") // also undoes what was begun
	}
	must("apply", "-y", "c.hcl")
	must("plan", "--detailed-exitcode", "c.hcl")
	name := "crash1"
	if then == moved {
		name = "crash2"
		if now := must("run", name, "--", "cat", "/kept") + must("show-ip", name); now != identity {
			t.Errorf("death %d: it is %q, and was %q", n, now, identity)
		}
	}
	must("run", name, "--", "true")
	if then == layered {
		w.noBuilds(t, n)
	}
	must("destroy", "-y", "--force", "--purge", name)
	if err := os.WriteFile(filepath.Join(dir, "c.hcl"), []byte("stack \"c\" {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	must("apply", "-y", "c.hcl")
	if err := w.left(); err != nil {
		t.Errorf("death %d: %v", n, err)
	}
	if list, err := os.ReadDir(filepath.Join(dir, "state/attic")); err != nil || len(list) > 0 {
		t.Errorf("death %d: the attic holds %v, %v", n, list, err)
	}
	if list := moreCgroups(name, groups); len(list) > 0 {
		t.Errorf("death %d: cgroups are left: %v", n, list)
	}
	return r.killed
}

// noBuilds checks that nothing of a build that died is left: no folder, no
// container.
func (w world) noBuilds(t *testing.T, n int) {
	t.Helper()
	if list, err := os.ReadDir(filepath.Join(w.dir, "state/builds")); err != nil || len(list) > 0 {
		t.Errorf("death %d: builds are left: %v, %v", n, list, err)
	}
	if list, err := filepath.Glob(filepath.Join(w.dir, "state/layers/.tmp-*")); err != nil || len(list) > 0 {
		t.Errorf("death %d: half layers are left: %v, %v", n, list, err)
	}
	for _, m := range w.mounts() {
		if strings.Contains(m, "/builds/") {
			t.Errorf("death %d: %s is mounted", n, m)
		}
	}
	sockets, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/unix", w.pid))
	if err != nil || strings.Contains(string(sockets), w.dir+"/state/builds/") {
		t.Errorf("death %d: %v: a build still runs\n%s", n, err, sockets)
	}
}
