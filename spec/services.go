package spec

import (
	"net/netip"
	"slices"
)

// services checks what strake offers on a network of its own.
func (c *checker) services(n *Network) {
	if n.NATThrough != "" || n.At["nat.interface"].Line > 0 {
		if why := interfaceFault(n.NATThrough); why != "" {
			c.astray(n, "nat.interface", "interface "+quote(n.NATThrough)+" "+why, `Write the host's interface that leads out, such as "eth0", or leave it out for any.`)
		} else if n.NATThrough == n.BridgeName() {
			c.astray(n, "nat.interface", "interface "+quote(n.NATThrough)+" is the network's own bridge", "Write the host's interface that leads out, or leave it out for any.")
		}
	}
	if n.DHCP && n.ipv4() == (netip.Prefix{}) {
		c.astray(n, "dhcp", "dhcp needs IPv4 addresses to give", `Give the network some: ipv4 = "10.101.0.1/16".`)
	}
	if n.RA && n.ipv6().Bits() != 64 {
		c.astray(n, "ra", "router advertisements need an IPv6 prefix of /64", `Give the network one: ipv6 = "fd42::1/64".`)
	}
	c.dns(n)
}

func (c *checker) dns(n *Network) {
	unserved := func(text string) bool { return text == "" || text == "none" }
	if n.DNS && unserved(n.IPv4) && unserved(n.IPv6) {
		c.astray(n, "dns", "dns needs an address to be asked at", `Give the network one: ipv4 = "10.101.0.1/16" or ipv6 = "link-local".`)
	}
	for i, text := range n.Upstream {
		if a, err := netip.ParseAddr(text); err != nil || a.IsUnspecified() || a.IsMulticast() {
			c.astray(n, "dns.upstream", "upstream "+quote(text)+" is not the address of a name server", `Write addresses: ["9.9.9.9", "2620:fe::fe"].`)
		} else if slices.Contains(n.Upstream[:i], text) {
			c.astray(n, "dns.upstream", "upstream "+quote(text)+" is there twice", "Take one of them out.")
		}
	}
}
