package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// tried is what is not confirmed: a restart and a container more.
const tried = `container "crash1" {
  environment = { A = "2" }
  raw         = { "lxc.prlimit.nofile" = "1000" }
  limits { memory = "128MiB" }
}
container "crash2" {}`

// TestCrashConfirm kills strake at every moment of a change that is to be
// confirmed, and at every moment of its way back. By the next command at the
// latest, what was before is back with all data, or somebody still waits for
// the word.
// TestCrashConfirm does it with a change that waits for a confirmation.
func TestCrashConfirm(t *testing.T) {
	for _, dies := range []string{"apply", "reject"} {
		t.Run(dies, func(t *testing.T) {
			everyDeath(t, func(d death) bool { return d.confirm(dies) })
		})
	}
}

func (d death) confirm(dies string) (killed bool) {
	d.t.Helper()
	d.write(well)
	d.must("apply", "c.hcl")
	d.must("run", "crash1", "--", "sh", "-c", "echo data >/kept")
	d.write(tried)
	change := []string{"apply", "-y", "--confirm", "1h", "c.hcl"}
	if dies == "apply" {
		killed = d.cut(0, change...)
	} else {
		d.must(change...)
		killed = d.cut(0, "confirm", "--reject")
	}
	d.must("gc") // any command finishes what was cut short
	if dies == "apply" && strings.Contains(d.must("status"), "awaiting confirmation") {
		d.must("confirm", "--reject")
	}
	if list, err := filepath.Glob(filepath.Join(d.dir, "state/unconfirmed/*.json")); err != nil || len(list) > 0 {
		d.errorf("still waits: %v %v", list, err)
	}
	d.isWell()
	if out := d.must("status", "crash1"); strings.Contains(out, "drifted") || strings.Contains(out, "pending") {
		d.errorf("%s", out)
	}
	d.isNotRunning("crash2")
	return killed
}
