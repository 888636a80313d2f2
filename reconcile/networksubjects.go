package reconcile

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"strake/reconcile/desired"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// ownNetworks refuses a second definition of a network: of its name, its
// bridge, or its addresses, which the host's routes lead to only one of.
func (e *Engine) ownNetworks(w Wish, wanted []resource.Network) error {
	stacks, err := e.State.Stacks()
	if err != nil {
		return err
	}
	var errs []error
	for _, other := range stacks {
		if other == w.Stack.Name {
			continue
		}
		for _, n := range e.lastStack(other).Networks {
			for _, m := range wanted {
				errs = append(errs, apartFrom(m, n, other))
			}
		}
	}
	return errors.Join(errs...)
}

func apartFrom(m, n resource.Network, other string) error {
	switch {
	case m.External:
		return nil
	case m.Name == n.Name:
		return fmt.Errorf("%w: network %s belongs to stack %s; give this one another name, or use its bridge: external = %q", ErrPolicy, n.Name, other, n.Bridge)
	case m.Bridge == n.Bridge:
		return fmt.Errorf("%w: bridge %s is that of network %s of stack %s; to use it, write external = %q", ErrPolicy, m.Bridge, n.Name, other, n.Bridge)
	case overlap(m.IPv4, n.IPv4), overlap(m.IPv6, n.IPv6):
		return fmt.Errorf("%w: network %s: its addresses overlap those of network %s of stack %s (%s)", ErrInvalid, m.Name, n.Name, other, strings.TrimSpace(n.IPv4+" "+n.IPv6))
	}
	return nil
}

// overlap compares two ranges, written as addresses with a prefix length.
// What is no such range, as "link-local", overlaps nothing.
func overlap(a, b string) bool {
	p, err := netip.ParsePrefix(a)
	q, err2 := netip.ParsePrefix(b)
	return err == nil && err2 == nil && p.Overlaps(q)
}

// otherNetworks are the managed networks of all other stacks.
func (e *Engine) otherNetworks(stack string) ([]resource.Network, error) {
	stacks, err := e.State.Stacks()
	if err != nil {
		return nil, err
	}
	var list []resource.Network
	for _, other := range stacks {
		if other != stack {
			list = append(list, e.lastStack(other).Networks...)
		}
	}
	return list, nil
}

// networkSubjects are the managed networks that the text has, and those that
// this stack had before.
func (e *Engine) networkSubjects(w Wish, in scene, want desired.Want) []plan.NetworkSubject {
	have := map[string]resource.Network{}
	for _, n := range in.networks {
		have[n.Name] = n
	}
	texts := map[string]spec.Network{}
	for _, n := range w.Stack.Networks {
		texts[n.Name] = n
	}
	last := map[string]*resource.Network{}
	for _, n := range e.lastStack(w.Stack.Name).Networks {
		last[n.Name] = &n
	}
	var list []plan.NetworkSubject
	for i := range want.Networks {
		s := plan.NetworkSubject{Name: want.Networks[i].Name, Want: &want.Networks[i]}
		s.Pos, s.At = texts[s.Name].Pos, texts[s.Name].At
		s.Last = last[s.Name]
		if h, ok := have[s.Name]; ok {
			s.Have = &h
			s.Damaged, s.Misled = damage(in, h), misled(in, h)
		}
		delete(have, s.Name)
		list = append(list, s)
	}
	for _, old := range e.lastStack(w.Stack.Name).Networks {
		if h, ok := have[old.Name]; ok {
			list = append(list, plan.NetworkSubject{Name: old.Name, Have: &h, Used: needed(h, in, want, w)})
		}
	}
	return list
}

// needed says whether a container that stays is on the network.
func needed(n resource.Network, in scene, want desired.Want, w Wish) bool {
	keeps := func(c resource.Container) bool {
		return slices.ContainsFunc(c.NICs, func(nic resource.NIC) bool { return nic.Bridge == n.Bridge })
	}
	rewritten := map[string]bool{}
	for _, c := range want.Containers {
		if w.takes(c.Name) {
			rewritten[c.Name], rewritten[in.moves[c.Name].From] = true, true
		}
	}
	for name, s := range in.standing {
		if !rewritten[name] && keeps(s.Container) {
			return true
		}
	}
	return slices.ContainsFunc(want.Containers, keeps) || slices.ContainsFunc(in.apart, keeps)
}

// damage says what of the firewall around a network is not as it should be.
func damage(in scene, n resource.Network) string {
	if !slices.ContainsFunc(in.filter.Guard.Networks, func(g resource.Network) bool { return g.Bridge == n.Bridge }) {
		return "missing"
	}
	if !in.filter.Intact {
		return "changed"
	}
	return ""
}
