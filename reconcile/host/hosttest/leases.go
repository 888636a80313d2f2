package hosttest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"strake/reconcile/resource"
)

// Leases are the services on the networks of a host.
type Leases struct{ h *Host }

// Leases are the host's.
func (h *Host) Leases() Leases { return Leases{h} }

// Set serves the networks of g that want it and are there, and no others.
func (l Leases) Set(_ context.Context, g resource.Guard) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.h.served = map[string]resource.Served{}
	for _, n := range g.Networks {
		l.serve(n, resource.On(g.Guests, n.Bridge))
	}
	return l.h.call("SetLeases", "")
}

// Ensure adds guests; a network that is served stays as it is.
func (l Leases) Ensure(_ context.Context, g resource.Guard) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	for _, n := range g.Networks {
		have, ok := l.h.served[n.Bridge]
		if ok {
			n.DHCP, n.DNS, n.RA, n.Upstream = have.Network.DHCP, have.Network.DNS, have.Network.RA, have.Network.Upstream
		}
		l.serve(n, resource.Joined(resource.On(g.Guests, n.Bridge), have.Guests))
	}
	return nil
}

func (l Leases) serve(n resource.Network, guests []resource.Guest) {
	if _, there := l.h.networks[n.Bridge]; !there || !n.Serves() {
		return
	}
	l.h.served[n.Bridge] = resource.Served{
		Network: resource.Network{Bridge: n.Bridge, DHCP: n.DHCP, DNS: n.DNS, RA: n.RA, Upstream: n.Upstream}, Guests: guests, Intact: true,
	}
}

// Observe tells what is served, by bridge.
func (l Leases) Observe(context.Context) ([]resource.Served, error) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return slices.SortedFunc(maps.Values(l.h.served), func(a, b resource.Served) int { return cmp.Compare(a.Network.Bridge, b.Network.Bridge) }), nil
}

// WatchServants tells of a bridge that nobody serves any more.
func (l Leases) WatchServants(ctx context.Context, tell func(resource.Notice)) func() error {
	l.h.listen(ctx, &hears{tell: tell, servants: true})
	return func() error { return nil }
}

// End has whoever serves a bridge end.
func (l Leases) End(bridge string) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	delete(l.h.served, bridge)
	l.h.toldServant(bridge)
}
