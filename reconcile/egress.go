package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"

	"strake/reconcile/resource"
)

// outlets are the ways out of containers as the proxy has them.
func (e *Engine) outlets(ctx context.Context) (map[string]resource.Outlet, error) {
	all := map[string]resource.Outlet{}
	if e.Host.Outlets == nil {
		return all, nil // a host without any
	}
	list, err := e.Host.Outlets.Observe(ctx)
	for _, o := range list {
		all[o.Container] = o
	}
	return all, err
}

// observeEgress adds the rules that the proxy keeps the container to, and where
// it really listens for it. One that is open in the namespace of an earlier
// init is open to nobody.
func (e *Engine) observeEgress(in scene, o *resource.Observed) error {
	have, ok := in.outlets[o.Name]
	if !ok || have.Init != o.Init {
		return nil
	}
	open, err := e.Host.Outlets.Listens(have)
	if err != nil {
		return err
	}
	at := open.Places()
	if f := have.Front; f != nil && !slices.Contains(in.filter.Guard.Proxied, f.Bridge) {
		at = slices.DeleteFunc(at, func(a string) bool { return a == f.At }) // the firewall lets nobody there
	}
	o.Have.Egress, o.Have.EgressAt, o.Have.Publish = have.Egress, at, open.Publish
	return nil
}

// OpenOutlets opens the ways out of all containers that are up: a proxy that
// has just begun knows of none. One that can't be opened is no reason to leave
// the others closed.
func (e *Engine) OpenOutlets(ctx context.Context) error {
	standing, err := e.standing()
	if err != nil {
		return err
	}
	states, err := e.Host.Containers.States(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(standing)) {
		c := standing[name].Container
		if !c.Attended() || !states[name].Up() {
			continue
		}
		live, err := e.Host.Containers.Inspect(ctx, name, nil)
		if err == nil && live.State.Up() {
			err = e.acting().OpenOutlet(ctx, c, live.Init)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
