package apply

import (
	"context"
	"errors"
	"slices"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// vain says whether everything that the run set out to do was undone: then
// what it made for it has no use. What is stuck, or was left as it is, may
// use it.
func (r *runner) vain() bool {
	for _, res := range r.results {
		if res.Outcome != "rolled back" && res.Outcome != "skipped" {
			return false
		}
	}
	return r.failed()
}

// unmake takes back the networks that were made in vain, because no record
// knows of them, and changes others back to what they were.
func (r *runner) unmake(ctx context.Context, p plan.Plan) error {
	ctx = context.WithoutCancel(ctx)
	var kept []resource.Network
	var made, changed []resource.Network
	for _, n := range p.Networks {
		switch {
		case n.Want != nil && n.Action == plan.Create && !r.stoodOn(*n.Want):
			made = append(made, *n.Want)
		case n.Action == plan.Update && n.Have != nil:
			kept, changed = append(kept, *n.Have), append(changed, *n.Have)
		case n.Want != nil:
			kept = append(kept, *n.Want)
		case n.Have != nil:
			kept = append(kept, *n.Have)
		}
	}
	var errs []error
	for _, n := range changed {
		errs = append(errs, r.host.Devices.EnsureNetwork(ctx, n))
	}
	errs = append(errs, r.host.Around(ctx, resource.GuardOf(r.opt.Standing, kept...)))
	for _, n := range made {
		errs = append(errs, unless(r.host.Devices.RemoveNetwork(ctx, n), resource.ErrNotFound, resource.ErrForeign))
	}
	return errors.Join(errs...)
}

// stoodOn says whether a container was on the network before: its bridge was
// only missing.
func (r *runner) stoodOn(n resource.Network) bool {
	return slices.ContainsFunc(r.opt.Standing, func(c resource.Container) bool {
		return slices.ContainsFunc(c.NICs, func(nic resource.NIC) bool { return nic.Bridge == n.Bridge })
	})
}
