package leases

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"strake/reconcile/resource"
)

// lasts is how long a lease lasts: who has one keeps it. An IPv6 address is leased to
// an identifier that the client has made up and written down (DUID, RFC 8415, 11),
// not to a MAC: a container that comes back without its files asks by another one, and
// gets its address by DHCP only when the lease of the one before has ended.
const lasts = "10m"

// texts are the files that dnsmasq reads, by name.
func texts(s served) map[string]string {
	return map[string]string{
		"hosts": hostsText(s.Network, s.Guests),
		"names": namesText(s.Network, s.Guests),
	}
}

// hostsText has a line for each interface: dnsmasq gives what it says and,
// with a static range, nothing to anybody else.
func hostsText(n resource.Network, guests []resource.Guest) string {
	var b strings.Builder
	for _, g := range guests {
		if !n.DHCP {
			break
		}
		words := []string{g.MAC}
		if len(g.IPv4) > 0 {
			words = append(words, g.IPv4[0])
		}
		if len(g.IPv6) > 0 {
			words = append(words, "["+g.IPv6[0]+"]")
		}
		if len(words) == 1 {
			words = append(words, "ignore") // it has no address that could be given
		}
		fmt.Fprintln(&b, strings.Join(append(words, g.Name, lasts), ","))
	}
	return b.String()
}

// gateway is what DHCP tells of the way out: none where there is none.
func gateway(n resource.Network) string {
	p, err := netip.ParsePrefix(n.IPv4)
	if err != nil || !n.NAT {
		return ""
	}
	return p.Addr().String()
}

// namesText has each container by its name, alone and in the network's domain.
// The first one is what an address is called.
func namesText(n resource.Network, guests []resource.Guest) string {
	var b strings.Builder
	for _, g := range guests {
		for _, ip := range append(slices.Clone(g.IPv4), g.IPv6...) {
			fmt.Fprintf(&b, "%s %s.%s %s\n", ip, g.Name, n.Name, g.Name)
		}
	}
	return b.String()
}
