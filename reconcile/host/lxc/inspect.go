//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"strake/reconcile/resource"
)

// Inspect tells what a container really is. ask are keys of the running
// configuration that are wanted in Items; each is a question to the monitor,
// some 0.1 ms. A container that is not up, or ends meanwhile, is no error.
func (r *Runtime) Inspect(ctx context.Context, name string, ask []string) (Live, error) {
	stopped := Live{State: resource.Stopped}
	if err := ctx.Err(); err != nil {
		return stopped, err
	}
	l, err := r.live(name)
	if errors.Is(err, ErrNotRunning) {
		return stopped, nil
	}
	if err != nil {
		return stopped, fmt.Errorf("inspect %s: %w", name, err)
	}
	defer l.close()
	seen, err := r.look(l, ask)
	if err != nil && (errors.Is(err, ErrNotRunning) || l.init.ending()) {
		return stopped, nil
	}
	if err != nil {
		return stopped, fmt.Errorf("inspect %s: %w", name, err)
	}
	return seen, nil
}

func (r *Runtime) look(l live, ask []string) (seen Live, err error) {
	seen.Init = l.init.pid
	if _, seen.Started, err = l.init.stat(); err != nil {
		return seen, err
	}
	if seen.Hostname, err = l.init.hostname(); err != nil {
		return seen, err
	}
	if seen.IDMap, err = l.init.idmap(); err != nil {
		return seen, err
	}
	if seen.Environ, err = l.init.environ(); err != nil {
		return seen, err
	}
	seen.Items = items(l, ask)
	return seen, r.groups(l, &seen)
}

// groups fills in what the cgroups tell.
func (r *Runtime) groups(l live, seen *Live) error {
	text, err := l.init.read("cgroup")
	if err != nil {
		return err
	}
	if seen.Limits, err = r.cgroups.limits(string(text)); err != nil {
		return err
	}
	frozen, err := r.cgroups.frozen(string(text))
	seen.State = resource.Running
	if frozen {
		seen.State = resource.Frozen
	}
	return err
}

func items(l live, ask []string) map[string]string {
	found := make(map[string]string, len(ask))
	for _, key := range ask {
		found[key] = strings.Join(l.RunningConfigItem(key), "\n")
	}
	return found
}
