package resource

import (
	"slices"
	"strings"
)

// GuardOf is the guard that lets these containers work: what each filtered
// NIC may send, and the networks they are on. Networks that belong to nobody
// yet are given beside.
func GuardOf(containers []Container, networks ...Network) Guard {
	g := Guard{}
	seen := map[string]bool{}
	add := func(n Network) {
		if !n.External && !seen[n.Bridge] {
			seen[n.Bridge] = true
			g.Networks = append(g.Networks, n)
		}
	}
	for _, n := range networks {
		add(n)
	}
	for _, c := range containers {
		for _, n := range c.NICs {
			if n.Device != "" { // else LXC names it anew at each start: no rule could stand before
				g.NICs = append(g.NICs, n)
			}
		}
		for _, n := range c.Networks {
			add(n)
		}
		g.Guests = append(g.Guests, c.guests()...)
		g.Proxied = append(g.Proxied, c.proxied()...)
	}
	g.sort()
	return g
}

// Grow is a guard that lets through what either lets through: it stands while
// containers go from the one to the other.
func (g Guard) Grow(to Guard) Guard {
	wide := Guard{NICs: slices.Clone(g.NICs), Networks: slices.Clone(to.Networks), Guests: Joined(slices.Clone(to.Guests), g.Guests), Proxied: slices.Concat(g.Proxied, to.Proxied)}
	for _, n := range g.Networks {
		if !slices.ContainsFunc(wide.Networks, func(w Network) bool { return w.Bridge == n.Bridge }) {
			wide.Networks = append(wide.Networks, n)
		}
	}
	at := map[string]int{}
	for i, n := range wide.NICs {
		at[n.Device] = i
	}
	for _, n := range to.NICs {
		i, both := at[n.Device]
		if !both {
			wide.NICs = append(wide.NICs, n)
			continue
		}
		have := &wide.NICs[i]
		have.Filter = have.Filter.and(n.Filter)
		if n.Filter = have.Filter; !have.sendsAs(n) {
			wide.NICs = append(wide.NICs, n)
		}
	}
	wide.sort()
	return wide
}

// sendsAs says whether two interfaces are let through alike, but for their filters.
func (n NIC) sendsAs(o NIC) bool {
	return n.MAC == o.MAC && n.Parent == o.Parent && slices.Equal(n.Forwards(), o.Forwards()) && slices.Equal(n.Senders(false), o.Senders(false)) && slices.Equal(n.Senders(true), o.Senders(true))
}

func (f Filter) and(o Filter) Filter {
	return Filter{f.MAC && o.MAC, f.IPv4 && o.IPv4, f.IPv6 && o.IPv6}
}

func (g *Guard) sort() {
	slices.SortFunc(g.NICs, func(a, b NIC) int { return strings.Compare(a.Device, b.Device) })
	slices.SortFunc(g.Networks, func(a, b Network) int { return strings.Compare(a.Bridge, b.Bridge) })
	sortGuests(g.Guests)
	slices.Sort(g.Proxied)
	g.Proxied = slices.Compact(g.Proxied)
}

// Seen is the firewall as the kernel has it.
type Seen struct {
	Guard    Guard     // NICs with Device, MAC, IPv4, IPv6 and Filter; Networks with Bridge, NAT, Isolate, HostAccess, DHCP, DNS, RA
	Forwards []Forward // published ports
	Intact   bool      // the chains around the entries are as they were written
	Missing  []string  // what of them is not, for people
}

// IDRange is Size host ids from Base on.
type IDRange struct {
	Base uint32 `json:"base"`
	Size uint32 `json:"size"`
}

// Count is how much was dropped.
type Count struct {
	Frames uint64 `json:"frames"`
	Bytes  uint64 `json:"bytes"`
}
