package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// room refuses a plan that the host, or who else is on its networks, has no room
// for. at says where a text has a setting.
func (e *Engine) room(ctx context.Context, p plan.Plan, in scene, at func(name, path string) spec.Pos) error {
	return errors.Join(e.portsFree(ctx, p, in), e.addressesFree(ctx, p, in), e.taggable(ctx, p, at), e.sizable(p, at), ownPorts(p, in))
}

// nowhere is for plans that no text is at hand for.
func nowhere(string, string) spec.Pos { return spec.Pos{} }

// addressesFree asks the neighbours about addresses that containers are to be
// given on networks that are not strake's own, where anybody may have them. Those
// that strake gave already, and those that a container comes with when it is taken
// over, are not asked for: the containers would answer.
func (e *Engine) addressesFree(ctx context.Context, p plan.Plan, in scene) error {
	asked, gave := map[resource.Probe]string{}, in.gave()
	if !p.NoProbe {
		for _, c := range p.Containers {
			if c.Want != nil && c.Want.Running && c.Action != plan.Adopt {
				in.unknown(*c.Want, gave, asked)
			}
		}
	}
	if len(asked) == 0 {
		return nil
	}
	list := make([]resource.Probe, 0, len(asked))
	for probe := range asked {
		list = append(list, probe)
	}
	taken, err := e.Host.Devices.Probe(ctx, list)
	if err != nil {
		return err
	}
	slices.SortFunc(taken, func(a, b resource.Taken) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), a.Address.Compare(b.Address))
	})
	var errs []error
	for _, t := range taken {
		errs = append(errs, fmt.Errorf("%w: %s: %s is taken on %s: %s answers for it (--no-probe does not ask)", ErrInvalid, asked[t.Probe], t.Address, t.Link, t.MAC))
	}
	return errors.Join(errs...)
}

// unknown adds the addresses of a container that nobody of strake has yet, by
// the interface on which others may.
func (s scene) unknown(c resource.Container, gave map[resource.Probe]bool, asked map[resource.Probe]string) {
	for _, n := range c.NICs {
		link := s.shared(c, n)
		if link == "" {
			continue
		}
		list, _ := n.AddressPrefixes()
		for _, a := range list {
			if probe := (resource.Probe{Link: link, Address: a.Addr()}); !gave[probe] {
				asked[probe] = fmt.Sprintf("container %s: nic %s", c.Name, n.Name)
			}
		}
	}
}

// shared is the interface of the host on which an interface has neighbours that
// strake knows nothing of; "" where there are none.
func (s scene) shared(c resource.Container, n resource.NIC) string {
	if n.Parent != "" && n.Type != "physical" {
		return n.Parent
	}
	ours := func(w resource.Network) bool { return w.Bridge == n.Bridge }
	if n.Bridge == "" || slices.ContainsFunc(s.networks, ours) || !slices.ContainsFunc(c.Networks, func(w resource.Network) bool { return ours(w) && w.External }) {
		return ""
	}
	return n.Bridge
}

// gave are the addresses that containers have which stand, by where they are.
func (s scene) gave() map[resource.Probe]bool {
	all := map[resource.Probe]bool{}
	for _, st := range s.standing {
		for _, n := range st.Container.NICs {
			list, _ := n.AddressPrefixes()
			for _, a := range list {
				all[resource.Probe{Link: cmp.Or(n.Parent, n.Bridge), Address: a.Addr()}] = true
			}
		}
	}
	return all
}
