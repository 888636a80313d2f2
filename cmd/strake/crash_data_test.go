package main

import (
	"fmt"
	"testing"
)

// TestCrashData does it with what keeps and brings back data.
func TestCrashData(t *testing.T) {
	for name, command := range map[string][]string{
		"snapshot":  {"snapshot", "-y", "crash1", "s"},
		"live":      {"snapshot", "--live", "crash1", "s"},
		"with-data": {"rollback", "-y", "--with-data", "crash1", "1"},
		"gc":        {"gc"},
		"undestroy": {"undestroy", "crash1"},
	} {
		t.Run(name, func(t *testing.T) {
			everyDeath(t, func(d death) bool { return d.data(command) })
		})
	}
}

func (d death) data(command []string) (killed bool) {
	d.t.Helper()
	for g := range 3 {
		d.write(fmt.Sprintf("container \"crash1\" {\n raw = { \"lxc.prlimit.nofile\" = \"%d\" }\n}\n", 1000+g))
		d.must("apply", "-y", "c.hcl")
		d.must("run", "crash1", "--", "sh", "-c", fmt.Sprintf("echo %d >/number; echo %d >/of-%d; rm -f /of-%d", g+1, g+1, g+1, g-1))
	}
	kept := []int{1, 3}
	switch command[0] {
	case "gc":
		kept[0] = 2
		d.must("delete-generations", "crash1", "1")
		d.must("stop", "crash1")
	case "undestroy":
		d.must("destroy", "-y", "--force", "crash1")
	}
	killed = d.cut(0, command...)
	switch {
	case command[0] == "undestroy" && d.try("state", "crash1").code != 0:
		d.must("undestroy", "crash1")
	case command[0] == "gc":
		d.must("gc")
		d.must("start", "crash1")
	}
	d.must("release", "crash1") // also undoes what was begun
	d.must("apply", "-y", "c.hcl")
	d.must("plan", "--detailed-exitcode", "c.hcl")
	for _, g := range kept {
		d.must("switch-generation", "-y", "--with-data", "crash1", fmt.Sprint(g))
		want := fmt.Sprintf("%d\n/of-%d\n", g, g)
		if g > 1 {
			want = fmt.Sprintf("%d\n/of-%d\n/of-%d\n", g, g-1, g)
		}
		if got := d.must("run", "crash1", "--", "sh", "-c", "cat /number; ls -d /of-*"); got != want {
			d.errorf("generation %d has %q, want %q", g, got, want)
		}
	}
	d.must("destroy", "-y", "--force", "--purge", "crash1")
	d.nothingLeft()
	return killed
}
