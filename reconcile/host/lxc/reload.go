//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Reload has systemd read its configuration again, environment included, if
// it is the container's init. Other inits read theirs when they start
// something.
func (r *Runtime) Reload(ctx context.Context, name string) error {
	return r.systemctl(ctx, name, "daemon-reload")
}

// ReloadResolver has systemd-resolved, where it runs, read its configuration
// again. Other resolvers read theirs for each question.
func (r *Runtime) ReloadResolver(ctx context.Context, name string) error {
	return r.systemctl(ctx, name, "try-reload-or-restart", "systemd-resolved.service")
}

// systemctl speaks with the systemd that is the container's init, if it is.
func (r *Runtime) systemctl(ctx context.Context, name string, args ...string) error {
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
	if err := r.untilHeard(ctx, name, append([]string{"systemctl"}, args...)); err != nil {
		return fmt.Errorf("reload %s: %w", name, err)
	}
	return nil
}

// untilHeard tries again for as long as ctx lets it: a systemd that has only
// just been started has read its configuration, but does not listen yet.
func (r *Runtime) untilHeard(ctx context.Context, name string, args []string) error {
	reload := Command{Args: args, Env: systemPath}
	for {
		exit, err := r.Run(ctx, name, reload)
		if err != nil || exit == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: exit %d", strings.Join(args, " "), exit)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Tell has a unit of the container's systemd "reload" its configuration, or
// "restart". One that can't reload is restarted; one that does not run has
// nothing to reload.
func (r *Runtime) Tell(ctx context.Context, name, verb, unit string) error {
	if verb == "reload" {
		verb = "try-reload-or-restart"
	}
	said, err := memory("said", "")
	if err != nil {
		return err
	}
	defer said.Close()
	ctx, cancel := context.WithTimeout(ctx, unitPatience)
	defer cancel()
	exit, err := r.Run(ctx, name, Command{Args: []string{"systemctl", verb, "--", unit}, Env: systemPath, Stderr: said})
	if err != nil || exit == 0 {
		return err
	}
	words, err := io.ReadAll(io.NewSectionReader(said, 0, 4096))
	return errors.Join(fmt.Errorf("systemctl %s %s: exit %d: %s", verb, unit, exit, strings.TrimSpace(string(words))), err)
}

// unitPatience is what systemd itself gives a unit to start or stop.
const unitPatience = 90 * time.Second

var systemPath = map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
