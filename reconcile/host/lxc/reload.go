//go:build linux && cgo

package lxc

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Reload has systemd read its configuration again, environment included, if
// it is the container's init. Other inits read theirs when they start
// something.
func (r *Runtime) Reload(ctx context.Context, name string) error {
	live, err := r.Inspect(ctx, name, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", live.Init))
	if err != nil || string(comm) != "systemd\n" {
		return nil // gone meanwhile, or another init
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := r.daemonReload(ctx, name); err != nil {
		return fmt.Errorf("reload %s: %w", name, err)
	}
	return nil
}

// daemonReload tries again for as long as ctx lets it: a systemd that has
// only just been started has read its configuration, but does not listen yet.
func (r *Runtime) daemonReload(ctx context.Context, name string) error {
	reload := Command{Args: []string{"systemctl", "daemon-reload"}, Env: map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}}
	for {
		exit, err := r.Run(ctx, name, reload)
		if err != nil || exit == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("systemctl daemon-reload: exit %d", exit)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
