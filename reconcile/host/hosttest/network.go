package hosttest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"strake/reconcile/resource"
)

// Networks lists the bridges.
func (h *Host) Networks(context.Context) ([]resource.Network, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.SortedFunc(maps.Values(h.networks), func(a, b resource.Network) int { return cmp.Compare(a.Bridge, b.Bridge) }), nil
}

// EnsureNetwork makes or changes a bridge.
func (h *Host) EnsureNetwork(_ context.Context, n resource.Network) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("EnsureNetwork", n.Name); err != nil {
		return err
	}
	if n.External {
		if _, ok := h.networks[n.Bridge]; !ok {
			return fmt.Errorf("bridge %s: %w", n.Bridge, resource.ErrNotFound)
		}
		return nil
	}
	n.Isolate, n.HostAccess = false, false                     // the firewall's part
	n.DHCP, n.DNS, n.RA, n.Upstream = false, false, false, nil // whoever serves
	h.networks[n.Bridge] = n
	h.toldDevice(n.Bridge)
	return nil
}

// Tags says that bridges tell VLANs apart, unless it is made to fail.
func (h *Host) Tags(_ context.Context, n resource.Network) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Fail["Tags "+n.Name]
}

// Tag finds that they do.
func (h *Host) Tag(context.Context, resource.Network) error { return nil }

// RemoveNetwork removes a bridge.
func (h *Host) RemoveNetwork(_ context.Context, n resource.Network) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("RemoveNetwork", n.Name); err != nil {
		return err
	}
	if _, ok := h.networks[n.Bridge]; !ok {
		return fmt.Errorf("bridge %s: %w", n.Bridge, resource.ErrNotFound)
	}
	delete(h.networks, n.Bridge)
	h.toldDevice(n.Bridge)
	return nil
}

// NICs lists the interfaces of a container, without what only records know.
func (h *Host) NICs(_ context.Context, pid int, _ []resource.NIC) ([]resource.NIC, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.byPID(pid)
	if err != nil {
		return nil, err
	}
	list := slices.Clone(p.c.NICs)
	for i := range list {
		list[i].Network, list[i].Filter = "", resource.Filter{}
		if _, ok := h.networks[list[i].Bridge]; !ok {
			list[i].Bridge = ""
		}
	}
	return list, nil
}

// AddNIC adds an interface.
func (h *Host) AddNIC(_ context.Context, pid int, n resource.NIC) error {
	return h.interfaces("AddNIC", pid, n.Name, func(p *process, at int) error {
		if at >= 0 {
			return fmt.Errorf("interface %s: %w", n.Name, resource.ErrExists)
		}
		if err := h.plug(n); err != nil {
			return err
		}
		p.c.NICs = append(p.c.NICs, n)
		slices.SortFunc(p.c.NICs, func(a, b resource.NIC) int { return cmp.Compare(a.Name, b.Name) })
		return nil
	})
}

// ChangeNIC changes one.
func (h *Host) ChangeNIC(_ context.Context, pid int, from, to resource.NIC) error {
	return h.interfaces("ChangeNIC", pid, from.Name, func(p *process, at int) error {
		if at < 0 {
			return fmt.Errorf("interface %s: %w", from.Name, resource.ErrNotFound)
		}
		p.c.NICs[at] = to
		return nil
	})
}

// RemoveNIC removes one.
func (h *Host) RemoveNIC(_ context.Context, pid int, n resource.NIC) error {
	return h.interfaces("RemoveNIC", pid, n.Name, func(p *process, at int) error {
		if at < 0 {
			return fmt.Errorf("interface %s: %w", n.Name, resource.ErrNotFound)
		}
		p.c.NICs = slices.Delete(p.c.NICs, at, at+1)
		return nil
	})
}

// Settle finds addresses that work at once.
func (h *Host) Settle(_ context.Context, pid int, nics []resource.NIC) error {
	for _, n := range nics {
		err := h.interfaces("Settle", pid, n.Name, func(_ *process, at int) error {
			if at < 0 {
				return fmt.Errorf("interface %s: %w", n.Name, resource.ErrNotFound)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ClearNIC removes what the host still has of an interface.
func (h *Host) ClearNIC(_ context.Context, nic resource.NIC) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.running {
		p.c.NICs = slices.DeleteFunc(p.c.NICs, func(n resource.NIC) bool { return n.Device == nic.Device })
	}
	return nil
}

func (h *Host) interfaces(method string, pid int, name string, f func(*process, int) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.byPID(pid)
	if err != nil {
		return err
	}
	if err := h.call(method, p.c.Name); err != nil {
		return err
	}
	defer h.toldInside(p.c.Name)
	return f(p, slices.IndexFunc(p.c.NICs, func(n resource.NIC) bool { return n.Name == name }))
}

// Set makes the guard exactly this.
func (h *Host) Set(_ context.Context, g resource.Guard) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guard = g
	h.toldRules()
	return h.call("SetGuard", "")
}

// Ensure adds to the guard what is not there.
func (h *Host) Ensure(_ context.Context, g resource.Guard) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guard = h.guard.Grow(g)
	h.toldRules()
	return nil
}

// Refused has a count of nothing for each interface: nobody sends anything here.
func (h *Host) Refused(context.Context) (map[string]resource.Count, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]resource.Count{}
	for _, n := range h.guard.NICs {
		all[n.Device] = resource.Count{}
	}
	return all, nil
}

// Observe shows the guard.
func (h *Host) Observe(context.Context) (resource.Seen, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := resource.Guard{Networks: slices.Clone(h.guard.Networks), Proxied: h.guard.Proxied}
	for _, n := range h.guard.NICs {
		if n.Filter.Any() {
			g.NICs = append(g.NICs, n)
		}
	}
	var forwards []resource.Forward
	for _, n := range h.guard.NICs {
		forwards = append(forwards, n.Forwards()...)
	}
	return resource.Seen{Guard: g, Forwards: forwards, Intact: true}, nil
}

// Listeners are none: there are no programs on this host.
func (h *Host) Listeners(context.Context) (map[string]bool, error) { return nil, nil }

// Probe finds nobody: there are no neighbours.
func (h *Host) Probe(context.Context, []resource.Probe) ([]resource.Taken, error) { return nil, nil }
