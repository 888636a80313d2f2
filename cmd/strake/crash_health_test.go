package main

import (
	"fmt"
	"os"
	"path/filepath"
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
func TestCrashUnhealthy(t *testing.T) {
	for name, before := range map[string]string{"restart": well, "create": ""} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < 100; n++ {
				if !crashUnhealthy(t, n, before) {
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

// crashUnhealthy plays one death; false when it was over before the n-th moment.
func crashUnhealthy(t *testing.T, n int, first string) bool {
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
	if first != "" {
		write(first)
		strake(0, "apply", "c.hcl")
		strake(0, "run", "crash1", "--", "sh", "-c", "echo data >/kept")
	}
	write(ill)
	r := w.strake([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", n)}, "apply", "-y", "c.hcl")
	if !r.killed && r.code != 4 {
		t.Fatalf("death %d: exit %d\n%s", n, r.code, r.out)
	}
	strake(0, "gc") // any command finishes what was cut short
	if first == "" {
		if r := w.strake(nil, "state", "crash1"); r.code == 0 && strings.TrimSpace(r.out) != "STOPPED" {
			t.Errorf("death %d: it is %s", n, r.out)
		}
	} else {
		if out := strake(0, "run", "crash1", "--", "sh", "-c", "cat /kept; echo $A; ulimit -n"); !strings.HasPrefix(out, "data\n1\n") || strings.Contains(out, "\n1000\n") {
			t.Errorf("death %d: inside is %q", n, out)
		}
		if out := strake(0, "status", "crash1"); !strings.Contains(out, " 1 ") || strings.Contains(out, "drifted") {
			t.Errorf("death %d: %s", n, out)
		}
	}
	write(well)
	strake(0, "apply", "-y", "c.hcl")
	strake(0, "plan", "--detailed-exitcode", "c.hcl")
	strake(0, "destroy", "-y", "--force", "--purge", "crash1")
	write("stack \"c\" {}\n")
	strake(0, "apply", "c.hcl")
	if err := w.left(); err != nil {
		t.Errorf("death %d: %v", n, err)
	}
	return r.killed
}
