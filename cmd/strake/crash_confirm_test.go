package main

import (
	"fmt"
	"os"
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
func TestCrashConfirm(t *testing.T) {
	for _, dies := range []string{"apply", "reject"} {
		t.Run(dies, func(t *testing.T) {
			for n := 1; n < 100; n++ {
				if !crashConfirm(t, n, dies) {
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

// crashConfirm plays one death; false when it was over before the n-th moment.
func crashConfirm(t *testing.T, n int, dies string) bool {
	t.Helper()
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.end()
	strake := func(want int, args ...string) string {
		t.Helper()
		r := w.strake(nil, args...)
		if r.code != want {
			t.Fatalf("death %d: strake %s: exit %d\n%s", n, strings.Join(args, " "), r.code, r.out)
		}
		return r.out
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(w.dir, "c.hcl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(well)
	strake(0, "apply", "c.hcl")
	strake(0, "run", "crash1", "--", "sh", "-c", "echo data >/kept")
	write(tried)
	crash := []string{fmt.Sprintf("STRAKE_CRASH_AT=%d", n)}
	change := []string{"apply", "-y", "--confirm", "1h", "c.hcl"}
	var r result
	if dies == "apply" {
		r = w.strake(crash, change...)
	} else {
		strake(0, change...)
		r = w.strake(crash, "confirm", "--reject")
	}
	if !r.killed && r.code != 0 {
		t.Fatalf("death %d: exit %d\n%s", n, r.code, r.out)
	}
	strake(0, "gc") // any command finishes what was cut short
	if dies == "apply" && strings.Contains(strake(0, "status"), "awaiting confirmation") {
		strake(0, "confirm", "--reject")
	}
	if list, err := filepath.Glob(filepath.Join(w.dir, "state/unconfirmed/*.json")); err != nil || len(list) > 0 {
		t.Errorf("death %d: still waits: %v %v", n, list, err)
	}
	if out := strake(0, "run", "crash1", "--", "sh", "-c", "cat /kept; echo $A; ulimit -n"); !strings.HasPrefix(out, "data\n1\n") || strings.Contains(out, "\n1000\n") {
		t.Errorf("death %d: inside is %q", n, out)
	}
	if out := strake(0, "status", "crash1"); strings.Contains(out, "drifted") || strings.Contains(out, "pending") {
		t.Errorf("death %d: %s", n, out)
	}
	if r := w.strake(nil, "state", "crash2"); r.code == 0 && strings.TrimSpace(r.out) != "STOPPED" {
		t.Errorf("death %d: crash2 is %s", n, r.out)
	}
	return r.killed
}
