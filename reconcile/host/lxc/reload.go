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
	exit, err := r.Run(ctx, name, Command{Args: []string{"systemctl", "daemon-reload"}, Env: map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}})
	if err == nil && exit != 0 {
		err = fmt.Errorf("systemctl daemon-reload: exit %d", exit)
	}
	if err != nil {
		return fmt.Errorf("reload %s: %w", name, err)
	}
	return nil
}
