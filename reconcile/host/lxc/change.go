//go:build linux && cgo

package lxc

import (
	"context"
	"fmt"

	"strake/reconcile/resource"
)

// SetLimits changes the limits of a container that is up: those in which from
// and to differ. A memory limit below what is in use fails with EBUSY and
// changes nothing. The smallest CPU limit that the kernel takes is 10.
func (r *Runtime) SetLimits(ctx context.Context, name string, from, to resource.Limits) error {
	return r.onLive(ctx, "set limits of", name, func(l live) error {
		text, err := l.init.read("cgroup")
		if err != nil {
			return err
		}
		return r.cgroups.change(string(text), from, to)
	})
}

// SetHostname changes the host name of a container that is up, as long as it
// runs.
func (r *Runtime) SetHostname(ctx context.Context, name, hostname string) error {
	return r.onLive(ctx, "set host name of", name, func(l live) error {
		return l.init.setHostname(hostname)
	})
}

// Freeze stops every process of a container where it stands. Frozen is frozen:
// once more is no error.
func (r *Runtime) Freeze(ctx context.Context, name string) error {
	return r.onLive(ctx, "freeze", name, func(l live) error {
		frozen, err := r.isFrozen(l)
		if err != nil || frozen {
			return err
		}
		return l.Container.Freeze()
	})
}

// Unfreeze lets a container go on. One that is not frozen is no error.
func (r *Runtime) Unfreeze(ctx context.Context, name string) error {
	return r.onLive(ctx, "unfreeze", name, r.thaw)
}

func (r *Runtime) thaw(l live) error {
	frozen, err := r.isFrozen(l)
	if err != nil || !frozen {
		return err
	}
	return l.Container.Unfreeze()
}

func (r *Runtime) isFrozen(l live) (bool, error) {
	text, err := l.init.read("cgroup")
	if err != nil {
		return false, err
	}
	return r.cgroups.frozen(string(text))
}

// onLive runs f on a container that is up and names what failed.
func (r *Runtime) onLive(ctx context.Context, verb, name string, f func(live) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s: %w", verb, name, err)
	}
	l, err := r.live(name)
	if err == nil {
		defer l.close()
		err = f(l)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, name, err)
	}
	return nil
}
