//go:build linux

package lxc

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// warmth is how long the kernel stays fast after a move, at the least.
const warmth = 3 * time.Millisecond

// Warm takes on itself, until ctx is done, what starts and stops would wait
// for. Moving a process into a cgroup takes the kernel's global lock of all
// thread groups, which switches from its fast to its slow form for that and
// waits 10 to 20 ms for every CPU to notice (kernel/rcu/sync.c). It stays
// there for a moment: who comes next goes through. LXC makes such moves for a
// start, and systemd for each service that it ends. This process is moved to
// where it is, which changes nothing. It helps or it does not: there is no
// error to tell.
func (r *Runtime) Warm(ctx context.Context) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	own := r.cgroups.own(string(text))
	for own != "" && ctx.Err() == nil {
		_ = control{dir: own}.write("cgroup.procs", "0") // 0: the writer
		time.Sleep(warmth)
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
