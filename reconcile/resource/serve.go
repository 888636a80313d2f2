package resource

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Serves says whether the host answers on the network: addresses, names or
// router advertisements.
func (n Network) Serves() bool { return !n.External && (n.DHCP || n.DNS || n.RA) }

// Guest is one container's interface as the services of its network know it.
type Guest struct {
	Name     string   `json:"name"` // of the container
	Bridge   string   `json:"bridge"`
	MAC      string   `json:"mac"`
	IPv4     []string `json:"ipv4,omitempty"` // without prefix lengths, the one for DHCP first
	IPv6     []string `json:"ipv6,omitempty"`
	Gateway4 string   `json:"gateway4,omitempty"`
}

// Served is what runs on one bridge, as it was found.
type Served struct {
	Network Network // Bridge, and DHCP, DNS, Upstream and RA as they are served
	Guests  []Guest // whom it knows, sorted
	Intact  bool    // what it reads is as it was written
	Leases  []Lease
}

// Lease is an address that an interface was given by DHCP.
type Lease struct {
	MAC     string `json:"mac"`
	IP      string `json:"ip"`
	Expires int64  `json:"expires"` // seconds since 1970
}

// guests are a container's interfaces on networks that serve.
func (c Container) guests() []Guest {
	var list []Guest
	for _, n := range c.NICs {
		i := slices.IndexFunc(c.Networks, func(w Network) bool { return w.Bridge == n.Bridge })
		if i < 0 || n.MAC == "" {
			continue
		}
		g := Guest{Name: c.Name, Bridge: n.Bridge, MAC: n.MAC, Gateway4: n.Gateway4}
		for _, text := range append(append(strings.Fields(n.IPv4), strings.Fields(n.IPv6)...), n.Addresses...) {
			g.add(text)
		}
		list = append(list, g)
	}
	return list
}

func (g *Guest) add(text string) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
	case p.Addr().Is4():
		g.IPv4 = append(g.IPv4, p.Addr().String())
	default:
		g.IPv6 = append(g.IPv6, p.Addr().String())
	}
}

// On are the guests of one bridge.
func On(guests []Guest, bridge string) []Guest {
	return slices.DeleteFunc(slices.Clone(guests), func(g Guest) bool { return g.Bridge != bridge })
}

// Joined adds guests that have nothing in common with those that are there.
func Joined(list, more []Guest) []Guest {
	taken := map[string]bool{}
	for _, g := range list {
		for _, what := range append(append([]string{g.MAC}, g.IPv4...), g.IPv6...) {
			taken[g.Bridge+" "+what] = true
		}
	}
	for _, g := range more {
		clash := func(what string) bool { return taken[g.Bridge+" "+what] }
		if !clash(g.MAC) && !slices.ContainsFunc(g.IPv4, clash) && !slices.ContainsFunc(g.IPv6, clash) {
			list = append(list, g)
		}
	}
	return sortGuests(list)
}

func sortGuests(list []Guest) []Guest {
	slices.SortFunc(list, func(a, b Guest) int {
		return cmp.Or(strings.Compare(a.Bridge, b.Bridge), strings.Compare(a.Name, b.Name), strings.Compare(a.MAC, b.MAC))
	})
	return list
}
