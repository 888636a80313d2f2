package resource

import (
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// DHCP stands in place of an address that a client inside asks for, or makes of
// what a router says: somebody else's to give.
const DHCP = "dhcp"

// Senders are the addresses and prefixes of one family that the interface may
// send from, sorted.
func (n NIC) Senders(six bool) []string {
	var list []string
	for _, text := range slices.Concat(n.addresses(), n.Prefixes) {
		if text != DHCP && IsIPv6(text) == six {
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}

// addresses are all of them. One that was observed may hold several in IPv4 or
// IPv6, with spaces between.
func (n NIC) addresses() []string {
	return slices.Concat(strings.Fields(n.IPv4), strings.Fields(n.IPv6), n.Addresses)
}

// AddressPrefixes are all addresses with their prefix lengths, the first ones
// first. One that was observed to be unsound has a question mark. "dhcp" stands
// in place of what is not known.
func (n NIC) AddressPrefixes() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range n.addresses() {
		if text == DHCP {
			continue
		}
		p, err := netip.ParsePrefix(strings.TrimSuffix(text, "?"))
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", text, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// IsIPv6 tells the families of an address, prefix or route apart.
func IsIPv6(text string) bool { return strings.Contains(text, ":") }

// Known is the interface of that name among those that somebody knows; the
// zero one where there is none.
func Known(known []NIC, name string) NIC {
	for _, k := range known {
		if k.Name == name {
			return k
		}
	}
	return NIC{}
}

// As sorts observed addresses into first and further ones, as they are known:
// the kernel tells only what an interface has. What nobody knows stays with the
// first.
func (n NIC) As(known NIC) NIC {
	have := n.addresses()
	n.Addresses = nil
	for _, a := range known.Addresses {
		if slices.Contains(have, a) {
			n.Addresses = append(n.Addresses, a)
		}
	}
	n.IPv4, n.IPv6 = n.first(n.IPv4), n.first(n.IPv6)
	return n
}

func (n NIC) first(list string) string {
	words := slices.DeleteFunc(strings.Fields(list), func(w string) bool { return slices.Contains(n.Addresses, w) })
	return strings.Join(words, " ")
}

// Asking is n as it is observed where a client inside asks for its addresses:
// what it was given is told beside, and its default route is its own unless
// one was written.
func (n NIC) Asking(known NIC) NIC {
	for _, f := range []struct {
		known, way    string
		list, gateway *string
	}{{known.IPv4, known.Gateway4, &n.IPv4, &n.Gateway4}, {known.IPv6, known.Gateway6, &n.IPv6, &n.Gateway6}} {
		if f.known != DHCP {
			continue
		}
		*f.list = DHCP
		if f.way == "" {
			*f.gateway = ""
		}
	}
	return n
}

// Asks says whether a client inside asks for the addresses of a family.
func (n NIC) Asks(six bool) bool { return !six && n.IPv4 == DHCP || six && n.IPv6 == DHCP }

// Way is the address by which the interface can always be reached on its
// network: its first IPv4 one, or the IPv6 one that the kernel makes from its
// MAC (RFC 4291, EUI-64); "" where there is none.
func (n NIC) Way(six bool) string {
	if six {
		return linkLocal(n.MAC)
	}
	list, _ := n.AddressPrefixes()
	for _, p := range list {
		if p.Addr().Is4() {
			return p.Addr().String()
		}
	}
	return ""
}

func linkLocal(mac string) string {
	m, err := net.ParseMAC(mac)
	if err != nil || len(m) != 6 {
		return ""
	}
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}).String()
}

// Incomplete says whether the interface has what liblxc can't make.
func (n NIC) Incomplete() bool {
	return n.Type == "routed" || n.Type == "physical" || len(n.Prefixes)+len(n.Routes) > 0 || n.Limits != Rates{} || len(n.Publish) > 0
}

// Late says whether the container has what is brought to it when liblxc is done.
func (c Container) Late() bool {
	return c.Secrets() || c.Attended() || slices.ContainsFunc(c.NICs, NIC.Incomplete)
}

// GroupOf is the number of the group that the devices behind one parent are in
// (`ip link set DEVICE group`): rules can compare two groups, and no two names.
func GroupOf(parent string) uint32 {
	if parent == "" {
		return 0
	}
	sum := fnv.New32a()
	sum.Write([]byte(parent))
	return sum.Sum32()&0x7fffffff | 1
}

// Gateway is the default route of a family.
func (n NIC) Gateway(six bool) string {
	if six {
		return n.Gateway6
	}
	return n.Gateway4
}
