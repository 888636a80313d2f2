package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestCrashData kills strake at every moment of what it does to data. The next
// run converges, and every generation that is kept has what it had.
func TestCrashData(t *testing.T) {
	for name, command := range map[string][]string{
		"snapshot":  {"snapshot", "-y", "crash3", "s"},
		"live":      {"snapshot", "--live", "crash3", "s"},
		"with-data": {"rollback", "-y", "--with-data", "crash3", "1"},
		"gc":        {"gc"},
		"undestroy": {"undestroy", "crash3"},
	} {
		t.Run(name, func(t *testing.T) {
			for n := 1; n < 60; n++ {
				if !dataCrashAt(t, n, command) {
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

// dataCrashAt plays one death on a container of three generations, each with
// its number in a file. It returns false when the command ended before its n-th
// moment.
func dataCrashAt(t *testing.T, n int, command []string) bool {
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
	must := func(args ...string) string {
		t.Helper()
		r := w.strake(nil, args...)
		if r.code != 0 {
			t.Fatalf("death %d: strake %v: exit %d\n%s", n, args, r.code, r.out)
		}
		return r.out
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "c.hcl"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for g := range 3 {
		write(fmt.Sprintf("container \"crash3\" {\n raw = { \"lxc.prlimit.nofile\" = \"%d\" }\n}\n", 1000+g))
		must("apply", "-y", "c.hcl")
		must("run", "crash3", "--", "sh", "-c", fmt.Sprintf("echo %d >/number; echo %d >/of-%d; rm -f /of-%d", g+1, g+1, g+1, g-1))
	}
	kept := []int{1, 3}
	switch command[0] {
	case "gc":
		kept[0] = 2
		must("delete-generations", "crash3", "1")
		must("stop", "crash3")
	case "undestroy":
		must("destroy", "-y", "--force", "crash3")
	}
	r := w.strake([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", n)}, command...)
	if !r.killed && r.code != 0 {
		t.Fatalf("death %d: exit %d\n%s", n, r.code, r.out)
	}
	switch {
	case command[0] == "undestroy" && w.strake(nil, "state", "crash3").code != 0:
		must("undestroy", "crash3")
	case command[0] == "gc":
		must("gc")
		must("start", "crash3")
	}
	must("release", "crash3") // also undoes what was begun
	must("apply", "-y", "c.hcl")
	must("plan", "--detailed-exitcode", "c.hcl")
	for _, g := range kept {
		must("switch-generation", "-y", "--with-data", "crash3", fmt.Sprint(g))
		want := fmt.Sprintf("%d\n/of-%d\n", g, g)
		if g > 1 {
			want = fmt.Sprintf("%d\n/of-%d\n/of-%d\n", g, g-1, g)
		}
		if got := must("run", "crash3", "--", "sh", "-c", "cat /number; ls -d /of-*"); got != want {
			t.Errorf("death %d: generation %d has %q, want %q", n, g, got, want)
		}
	}
	must("destroy", "-y", "--force", "--purge", "crash3")
	if err := w.left(); err != nil {
		t.Errorf("death %d: %v", n, err)
	}
	return r.killed
}
