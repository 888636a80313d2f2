package reconcile

import (
	"context"
	"slices"

	"strake/reconcile/resource"
)

// tidy makes the firewall, the services and the bridges fit what stands, after a run that
// was cut short.
func (e *Engine) tidy(ctx context.Context) error {
	in, err := e.look(ctx)
	if err != nil {
		return err
	}
	networks, err := e.allNetworks()
	if err != nil {
		return err
	}
	standing, err := e.guarded()
	if err != nil {
		return err
	}
	guard := resource.GuardOf(standing, networks...)
	if err := e.acting().Around(ctx, guard); err != nil {
		return err
	}
	for _, n := range in.networks {
		if !slices.ContainsFunc(guard.Networks, func(g resource.Network) bool { return g.Bridge == n.Bridge }) {
			if err := e.Host.Devices.RemoveNetwork(ctx, n); err != nil {
				return err
			}
		}
	}
	return e.forgetAbsent(in)
}

// allNetworks are the managed networks of all stacks.
func (e *Engine) allNetworks() ([]resource.Network, error) {
	stacks, err := e.State.Stacks()
	var list []resource.Network
	for _, s := range stacks {
		list = append(list, e.lastStack(s).Networks...)
	}
	return list, err
}
