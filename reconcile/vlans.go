package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// taggable refuses VLANs where the bridge can't tell them apart: all that
// carries them out is the kernel.
func (e *Engine) taggable(ctx context.Context, p plan.Plan, at func(name, path string) spec.Pos) error {
	var errs []error
	for _, c := range p.Containers {
		if c.Want == nil {
			continue
		}
		for _, n := range c.Want.NICs {
			if n.VLAN == 0 {
				continue
			}
			err := e.Host.Devices.Tags(ctx, networkOf(*c.Want, n))
			if err == nil {
				continue
			}
			if errors.Is(err, resource.ErrNoVLAN) {
				err = fmt.Errorf("%w; leave vlan out and give each group a network of its own, or boot another kernel", err)
			}
			errs = append(errs, fmt.Errorf("%w: %scontainer %s: nic %s: vlan %d: %w", ErrInvalid, place(at(c.Name, resource.Labelled("nic", n.Name)+".vlan")), c.Name, n.Name, n.VLAN, err))
		}
	}
	return errors.Join(errs...)
}

// networkOf is the network of an interface, as far as its container knows it.
func networkOf(c resource.Container, n resource.NIC) resource.Network {
	i := slices.IndexFunc(c.Networks, func(w resource.Network) bool { return w.Bridge == n.Bridge })
	if i < 0 {
		return resource.Network{Name: n.Network, Bridge: n.Bridge, External: true}
	}
	return c.Networks[i]
}

// at is where the text says a setting of a container.
func (w Wish) at(name, path string) spec.Pos {
	for _, c := range w.Stack.Containers {
		if c.Name == name {
			return c.At[path]
		}
	}
	return spec.Pos{}
}
