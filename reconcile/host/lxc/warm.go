//go:build linux

package lxc

import (
	"os"
	"path/filepath"
	"strings"
)

// Warm takes on itself what the next start would wait for. Moving a process
// into a cgroup takes the kernel's global lock of all thread groups, which
// switches from its fast to its slow form for that and waits 10 to 20 ms for
// every CPU to notice (kernel/rcu/sync.c). It stays there for a moment: who
// comes next goes through. This process is moved to where it is, which
// changes nothing. It helps or it does not: there is no error to tell.
func (r *Runtime) Warm() {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	if own := r.cgroups.own(string(text)); own != "" {
		_ = control{dir: own}.write("cgroup.procs", "0") // 0: the writer
	}
}

// own is the folder of a process's cgroup in any hierarchy, cgroup2's rather
// than another; "" where none is mounted.
func (c cgroups) own(text string) string {
	dir := ""
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		names, path, _ := strings.Cut(rest, ":")
		if names == "" && c.unified != "" {
			return filepath.Join(c.unified, path)
		}
		controller, _, _ := strings.Cut(names, ",")
		if mount := c.legacy[controller]; mount != "" {
			dir = filepath.Join(mount, path)
		}
	}
	return dir
}
