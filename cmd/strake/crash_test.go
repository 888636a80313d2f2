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
	live = `egress "sites" {
  allow = ["site.test"]
}
container "crash1" {
  egress      = egress.sites
  hostname    = "other"
  environment = { A = "2" }
  file "/etc/both" { content = "2" }
  file "/etc/new/new" { content = "2" }
  limits { memory = "128MiB" }
  publish "8090" { to = 81 }
  publish "8092" {}
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

// published has ports that change, go and come on the way to live.
var published = strings.Replace(before, "  limits", "  publish \"8090\" {}\n  publish \"8091\" {}\n  limits", 1)

// TestCrash kills strake at every journalled moment of every kind of change.
// The next run has to converge, whatever was half done, and nothing is left
// over at the end.
func TestCrash(t *testing.T) {
	apply := []string{"apply", "-y", "c.hcl"}
	for name, c := range map[string]struct {
		before, after string
		command       []string
	}{
		"create":   {"", before, apply},
		"live":     {published, live, apply},
		"restart":  {before, restart, apply},
		"destroy":  {before, before, []string{"destroy", "-y", "--force", "--purge", "crash1"}},
		"rename":   {before, moved, apply},
		"build":    {before, layered, apply},
		"rollback": {live, "", []string{"rollback", "-y", "crash1"}},
	} {
		t.Run(name, func(t *testing.T) {
			image := "builtin:busybox"
			if c.before == "" {
				image = "" // it dies while it makes one, too
			}
			everyDeathFrom(t, image, func(d death) bool { return d.change(c.before, c.after, c.command) })
		})
	}
}

// change plays a death on the way from one text to another.
func (d death) change(first, then string, command []string) (killed bool) {
	d.t.Helper()
	name := map[bool]string{false: "crash1", true: "crash2"}[then == moved]
	groups := cgroups(d.own.Replace(name))
	if command[0] == "rollback" {
		d.write(text(before))
		d.must("apply", "-y", "c.hcl")
	}
	if first != "" {
		d.write(text(first))
		d.must("apply", "-y", "c.hcl")
	}
	identity := ""
	if then == moved {
		d.must("run", "crash1", "--", "sh", "-c", "echo data >/kept")
		identity = "data\n" + d.must("show-ip", "crash1")
	}
	if then != "" {
		d.write(text(then))
	}
	killed = d.cut(0, command...)
	if open := d.open(d.t); len(open) > 0 {
		d.errorf("interfaces without a filter: %v", open)
	}
	if then == moved && killed {
		d.cutAgain(command...)
	}
	if command[0] == "rollback" {
		d.write(text(before))
		d.must("release", "crash1") // also undoes what was begun
	}
	d.must("apply", "-y", "c.hcl")
	d.must("plan", "--detailed-exitcode", "c.hcl")
	if then == moved {
		if now := d.must("run", name, "--", "cat", "/kept") + d.must("show-ip", name); now != identity {
			d.errorf("it is %q, and was %q", now, identity)
		}
	}
	d.must("run", name, "--", "true")
	if then == live {
		d.listens("8090", "8092")
	}
	if then == layered {
		d.noBuilds()
	}
	d.must("destroy", "-y", "--force", "--purge", name)
	d.write("stack \"c\" {}\n")
	d.must("apply", "-y", "c.hcl")
	d.nothingLeft()
	if list, err := os.ReadDir(filepath.Join(d.dir, "state/attic")); err != nil || len(list) > 0 {
		d.errorf("the attic holds %v, %v", list, err)
	}
	if list := moreCgroups(d.own.Replace(name), groups); len(list) > 0 {
		d.errorf("cgroups are left: %v", list)
	}
	return killed
}

// listens checks that of the ports that are published at some time these alone
// are open.
func (d death) listens(ports ...string) {
	d.t.Helper()
	out, err := d.command("ss", "-Hltn").Output()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, port := range []string{"8090", "8091", "8092"} {
		if strings.Contains(string(out), ":"+port+" ") != slices.Contains(ports, port) {
			d.errorf("of %v there listens\n%s", ports, out)
		}
	}
}

// noBuilds checks that nothing of a build that died is left: no folder, no
// container.
func (d death) noBuilds() {
	d.t.Helper()
	if list, err := os.ReadDir(filepath.Join(d.dir, "state/builds")); err != nil || len(list) > 0 {
		d.errorf("builds are left: %v, %v", list, err)
	}
	if list, err := filepath.Glob(filepath.Join(d.dir, "state/layers/.tmp-*")); err != nil || len(list) > 0 {
		d.errorf("half layers are left: %v, %v", list, err)
	}
	for _, m := range d.mounts() {
		if strings.Contains(m, "/builds/") {
			d.errorf("%s is mounted", m)
		}
	}
	sockets, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/unix", d.pid))
	if err != nil || strings.Contains(string(sockets), d.dir+"/state/builds/") {
		d.errorf("%v: a build still runs\n%s", err, sockets)
	}
}
