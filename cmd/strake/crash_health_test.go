package main

import (
	"strings"
	"testing"
)

// ill is a container whose only check never holds.
const ill = `container "crash1" {
  environment = { A = "2" }
  raw         = { "lxc.prlimit.nofile" = "1000" }
  limits { memory = "128MiB" }
  health {
    interval = "100ms"
    failures = 1
    check "file" { path = "/nowhere" }
  }
}`

const well = `container "crash1" {
  environment = { A = "1" }
  limits { memory = "64MiB" }
}`

// TestCrashUnhealthy kills strake at every moment of a change that does not
// prove itself. What was before is back by the next command at the latest, with
// all data; where nothing was, nothing runs.
// TestCrashUnhealthy does it with a change that its checks reject.
func TestCrashUnhealthy(t *testing.T) {
	for name, before := range map[string]string{"restart": well, "create": ""} {
		t.Run(name, func(t *testing.T) {
			everyDeath(t, func(d death) bool { return d.unhealthy(before) })
		})
	}
}

func (d death) unhealthy(first string) (killed bool) {
	d.t.Helper()
	if first != "" {
		d.write(first)
		d.must("apply", "c.hcl")
		d.must("run", "crash1", "--", "sh", "-c", "echo data >/kept")
	}
	d.write(ill)
	killed = d.cut(4, "apply", "-y", "c.hcl")
	d.must("gc") // any command finishes what was cut short
	if first == "" {
		d.isNotRunning("crash1")
	} else {
		d.isWell()
		if out := d.must("status", "crash1"); !strings.Contains(out, " 1 ") || strings.Contains(out, "drifted") {
			d.errorf("%s", out)
		}
	}
	d.write(well)
	d.must("apply", "-y", "c.hcl")
	d.must("plan", "--detailed-exitcode", "c.hcl")
	d.must("destroy", "-y", "--force", "--purge", "crash1")
	d.write("stack \"c\" {}\n")
	d.must("apply", "c.hcl")
	d.nothingLeft()
	return killed
}

// isWell checks that crash1 is as before the change, with its data.
func (d death) isWell() {
	d.t.Helper()
	if out := d.must("run", "crash1", "--", "sh", "-c", "cat /kept; echo $A; ulimit -n"); !strings.HasPrefix(out, "data\n1\n") || strings.Contains(out, "\n1000\n") {
		d.errorf("inside is %q", out)
	}
}

func (d death) isNotRunning(name string) {
	d.t.Helper()
	if r := d.try("state", name); r.code == 0 && strings.TrimSpace(r.out) != "STOPPED" {
		d.errorf("%s is %s", name, r.out)
	}
}
