//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Killed counts the processes of a container that is up which the kernel has
// killed since its start because its memory was used up.
func (r *Runtime) Killed(ctx context.Context, name string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	l, err := r.live(name)
	if errors.Is(err, ErrNotRunning) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("count what was killed in %s: %w", name, err)
	}
	defer l.close()
	text, err := l.init.read("cgroup")
	if err != nil {
		return 0, nil // it has just ended
	}
	n, err := r.cgroups.of("memory", string(text)).killed()
	if err != nil {
		return 0, fmt.Errorf("count what was killed in %s: %w", name, err)
	}
	return n, nil
}

// killed is the number behind oom_kill: in memory.events, and since Linux 4.13
// in v1's memory.oom_control too.
func (c control) killed() (int, error) {
	if c.dir == "" {
		return 0, nil
	}
	file := "memory.oom_control"
	if c.v2 {
		file = "memory.events"
	}
	text, err := c.read(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNotRunning) {
		return 0, nil
	}
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == "oom_kill" {
			return strconv.Atoi(value)
		}
	}
	return 0, err
}
