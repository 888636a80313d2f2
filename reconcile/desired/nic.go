package desired

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/spec"
)

// nics fills in what an interface is by itself. IPv4 and IPv6 still hold what
// was written.
func (b *builder) nics(c spec.Container) []resource.NIC {
	var list []resource.NIC
	for _, n := range c.NICs {
		if n.Type == "none" {
			continue
		}
		net := b.networks[n.Network]
		real := b.truly(net)
		managed := !real.External && (n.Parent == "" || n.Type == "routed")
		nic := resource.NIC{
			Name: n.Name, Network: n.Network, Type: cmp.Or(n.Type, "bridged"), Bridge: net.Bridge,
			MAC: n.MAC, IPv4: n.IPv4, IPv6: n.IPv6, MTU: cmp.Or(n.MTU, real.MTU),
			Filter: resource.Filter{
				MAC:  on(n.Filter.MAC, managed),
				IPv4: on(n.Filter.IPv4, managed),
				IPv6: on(n.Filter.IPv6, managed),
			},
		}
		b.traffic(&nic, n)
		if nic.MAC == "auto" {
			nic.MAC = ""
		}
		if nic.MTU == usualMTU && managed && (real.MTU == 0 || real.MTU == usualMTU) {
			nic.MTU = 0 // elsewhere that is the size of what it is connected to
		}
		if nic.Filter.IPv4 || nic.Filter.IPv6 {
			nic.Filter.MAC = true
		}
		list = append(list, nic)
	}
	slices.SortFunc(list, func(a, b resource.NIC) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// usualMTU is that of a network of strake's own that says none.
const usualMTU = 1500

// addrs are addresses without their prefix lengths.
func addrs(texts []string) []netip.Addr {
	var list []netip.Addr
	for _, t := range texts {
		list = append(list, written2addr(t))
	}
	return list
}

func on(said *bool, otherwise bool) bool {
	if said != nil {
		return *said
	}
	return otherwise
}

// interfaces makes the choices that all interfaces of a stack make together:
// what is written for one is in the way of what is chosen for another.
func (b *builder) interfaces(containers []resource.Container) {
	n := 0
	for i := range containers {
		n += len(containers[i].NICs)
	}
	nics, links := make([]*resource.NIC, 0, n), make([]ledger.Link, 0, n)
	four, six := make([]ledger.Wish, 0, n), make([]ledger.Wish, 0, n)
	further := make([]ledger.Further, 0, n)
	for i := range containers {
		c := &containers[i]
		b.dropNICs(*c)
		for j := range c.NICs {
			n := &c.NICs[j]
			nics = append(nics, n)
			net := b.truly(b.networks[n.Network])
			if !c.Image.Adopted() || !b.networks[n.Network].External || n.Filter.Any() {
				b.draft.Firm(c.Name, n.Name)
			}
			links = append(links, ledger.Link{Container: c.Name, NIC: n.Name, MAC: n.MAC, Own: n.Type == "physical"})
			four = append(four, b.wish(c.Name, *n, n.IPv4, prefix(net.IPv4)))
			six = append(six, b.wish(c.Name, *n, n.IPv6, prefix(net.IPv6)))
			further = append(further, ledger.Further{Container: c.Name, NIC: n.Name, Network: b.poolOf(*n), IPs: addrs(n.Addresses)})
		}
	}
	entries, err := b.draft.Links(links)
	b.note(err)
	b.note(b.draft.Further(further))
	v4, err := b.draft.IPv4(four)
	b.note(err)
	v6, err := b.draft.IPv6(six)
	b.note(err)
	for i, n := range nics {
		net := b.truly(b.networks[n.Network])
		n.MAC, n.Device = entries[i].MAC, entries[i].Device
		if n.Type == "macvlan" || n.Type == "physical" {
			n.Device = "" // there is no end on the host
		}
		if n.Type == "physical" {
			n.MAC = "" // its own
		}
		written4, written6 := n.Gateway4, n.Gateway6
		n.IPv4, n.Gateway4 = b.address(v4[i], n.IPv4, net.IPv4, net.NAT || len(n.Publish) > 0)
		n.IPv6, n.Gateway6 = b.address(v6[i], n.IPv6, net.IPv6, net.NAT || len(n.Publish) > 0)
		gateways(n, written4, written6)
	}
	for _, c := range containers {
		b.note(answers(c))
	}
}

// answers refuses published ports whose answers would not come back the way
// that the questions came.
func answers(c resource.Container) error {
	for _, n := range c.NICs {
		if len(n.Publish) > 0 && len(n.Forwards()) == 0 {
			return fmt.Errorf("container %s: nic %s: it publishes ports and has no address for them to lead to: give network %s one, or the interface", c.Name, n.Name, n.Network)
		}
		for _, f := range n.Forwards() {
			way := func(o resource.NIC) bool { return o.Name != n.Name && o.Gateway(resource.IsIPv6(f.Address)) != "" }
			if i := slices.IndexFunc(c.NICs, way); i >= 0 {
				return fmt.Errorf("container %s: nic %s: the answers of published port %d would go out by %s, which has the default route: publish it there, or write gateway4 = \"none\" (gateway6) for %s", c.Name, n.Name, f.Port, c.NICs[i].Name, c.NICs[i].Name)
			}
		}
	}
	return nil
}

// gateways puts what was written in place of the network's own.
func gateways(n *resource.NIC, written4, written6 string) {
	if n.Type == "routed" {
		n.Gateway4, n.Gateway6 = hostOf(*n, false), hostOf(*n, true)
		return
	}
	if written4 != "" {
		n.Gateway4 = unlessNone(written4)
	}
	if written6 != "" {
		n.Gateway6 = unlessNone(written6)
	}
}

// hostOf is the address by which a routed interface reaches the host, where it
// has addresses of the family: one of the link alone.
func hostOf(n resource.NIC, six bool) string {
	has := slices.ContainsFunc(append([]string{n.IPv4, n.IPv6}, n.Addresses...), func(a string) bool { return a != "" && resource.IsIPv6(a) == six })
	switch {
	case !has:
		return ""
	case six:
		return "fe80::1"
	}
	return "169.254.0.1"
}

// note keeps an error, once: what an adopted interface brings is claimed twice.
func (b *builder) note(err error) {
	if err != nil && !slices.ContainsFunc(b.errs, func(e error) bool { return e.Error() == err.Error() }) {
		b.errs = append(b.errs, err)
	}
}

// dropNICs frees the choices for interfaces that the container lost.
func (b *builder) dropNICs(c resource.Container) {
	for name := range b.draft.Entry(c.Name).NICs {
		if _, own := c.Raw[name+".type"]; own {
			continue // an interface in LXC's own words
		}
		if !slices.ContainsFunc(c.NICs, func(n resource.NIC) bool { return n.Name == name }) {
			b.draft.ForgetNIC(c.Name, name)
		}
	}
}

// wish turns what was written for an address into a wish for one. Nothing
// written means an address where the network has some to give.
func (b *builder) wish(container string, n resource.NIC, written string, own netip.Prefix) ledger.Wish {
	net := ledger.Net{Name: b.poolOf(n)}
	if own.Addr().Is4() {
		net.IPv4 = own
	} else {
		net.IPv6 = own
	}
	w := ledger.Wish{Container: container, NIC: n.Name, Net: net}
	switch written {
	case "none", resource.DHCP:
		w.None = true
	case "":
		w.None = !own.IsValid() || own.Addr().Is6() && own.Bits() > 64
	case "auto":
		if w.None = !own.IsValid(); w.None && b.truly(b.networks[n.Network]).IPv6 != "link-local" {
			b.errs = append(b.errs, fmt.Errorf("container %s: nic %s: network %s has no prefix to choose an address from; write one, or \"none\"", container, n.Name, n.Network))
		}
	default:
		w.IP = written2addr(written)
	}
	return w
}

// written2addr reads an address with or without prefix length.
func written2addr(s string) netip.Addr {
	if p := prefix(s); p.IsValid() {
		return p.Addr()
	}
	a, _ := netip.ParseAddr(s) // checked with its place by package spec
	return a
}

// address gives a chosen address its prefix length, and its gateway where the
// network leads anywhere.
func (b *builder) address(ip netip.Addr, written, network string, routed bool) (address, gateway string) {
	if written == resource.DHCP {
		return written, ""
	}
	if !ip.IsValid() {
		return "", ""
	}
	bits := ip.BitLen()
	if own := prefix(network); own.IsValid() {
		bits = own.Bits()
		if routed {
			gateway = own.Addr().String()
		}
	}
	if p := prefix(written); p.IsValid() {
		bits = p.Bits()
	}
	return netip.PrefixFrom(ip, bits).String(), gateway
}

// Reclaim is the ledger with the layers, addresses and MACs that these
// containers have: what a generation of before had may be somebody else's by now, which
// is an error. others are the managed networks of other stacks.
func Reclaim(led ledger.Ledger, containers []resource.Container, others []resource.Network) (ledger.Ledger, error) {
	b := &builder{draft: led.Edit(ledger.Host{}), networks: map[string]resource.Network{}, shared: shared(others)}
	var links []ledger.Link
	var four, six []ledger.Wish
	var further []ledger.Further
	for _, c := range containers {
		b.dropNICs(c)
		b.draft.Layers(c.Name, c.Writable)
		for _, n := range c.NICs {
			was := led.Containers[c.Name].NICs[n.Name]
			if was.MAC != n.MAC && n.MAC != "" {
				links = append(links, ledger.Link{Container: c.Name, NIC: n.Name, MAC: n.MAC})
			}
			net := ledger.Net{Name: b.pool(networkOf(c, n))}
			further = append(further, ledger.Further{Container: c.Name, NIC: n.Name, Network: net.Name, IPs: addrs(n.Addresses)})
			if ip := prefix(n.IPv4).Addr(); ip.IsValid() && was.IPv4[net.Name].IP != ip {
				four = append(four, ledger.Wish{Container: c.Name, NIC: n.Name, Net: net, IP: ip})
			}
			if ip := prefix(n.IPv6).Addr(); ip.IsValid() && was.IPv6[net.Name].IP != ip {
				six = append(six, ledger.Wish{Container: c.Name, NIC: n.Name, Net: net, IP: ip})
			}
		}
	}
	_, err := b.draft.Links(links)
	b.note(err)
	b.note(b.draft.Further(further))
	_, err = b.draft.IPv4(four)
	b.note(err)
	_, err = b.draft.IPv6(six)
	b.note(err)
	if len(b.errs) > 0 {
		return led, b.errs[0]
	}
	return b.draft.Ledger(), nil
}

// networkOf is the network of an interface as the container's generation
// recorded it.
func networkOf(c resource.Container, n resource.NIC) resource.Network {
	for _, net := range c.Networks {
		if net.Name == n.Network {
			return net
		}
	}
	return resource.Network{Name: n.Network, Bridge: n.Bridge}
}
