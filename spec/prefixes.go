package spec

import (
	"net/netip"
	"slices"
)

// ipv4 is the bridge's address and prefix; the zero Prefix without one.
func (n *Network) ipv4() netip.Prefix {
	if n.External != "" {
		return netip.Prefix{}
	}
	p, _ := netip.ParsePrefix(n.IPv4)
	return p
}

func (n *Network) ipv6() netip.Prefix {
	if n.External != "" {
		return netip.Prefix{}
	}
	p, _ := netip.ParsePrefix(n.IPv6)
	return p
}

// byAddress lists the networks that have a prefix by its first address, the
// wider ones first: one that overlaps any other overlaps the one before it or
// the widest before that.
func (c *checker) byAddress(prefix func(*Network) netip.Prefix) []*Network {
	var list []*Network
	for i := range c.stack.Networks {
		if n := &c.stack.Networks[i]; prefix(n).IsValid() {
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b *Network) int {
		p, q := prefix(a).Masked(), prefix(b).Masked()
		if n := p.Addr().Compare(q.Addr()); n != 0 {
			return n
		}
		return p.Bits() - q.Bits()
	})
	return list
}

// broadcast is the last address of an IPv4 prefix.
func broadcast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		a[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(a)
}

// usable says whether a host can have the address.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a.Zone() == "" && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
