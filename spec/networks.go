package spec

import (
	"fmt"
	"net/netip"
)

// BridgeName is the name of the network's bridge on the host.
func (n *Network) BridgeName() string {
	switch {
	case n.External != "":
		return n.External
	case n.Bridge != "":
		return n.Bridge
	}
	return "st-" + n.Name
}

func (c *checker) allNetworks() {
	bridges := map[string]*Network{}
	for i := range c.stack.Networks {
		n := &c.stack.Networks[i]
		c.networks[n.Name] = n
		c.name("", n.Pos, "network", n.Name)
		c.network(n)
		if other := bridges[n.BridgeName()]; other != nil {
			c.astray(n, bridgeKey(n), fmt.Sprintf("bridge %s is the one of network %s too", quote(n.BridgeName()), quote(other.Name)),
				"Two networks can't be one bridge. See "+other.place(bridgeKey(other)).String()+".")
			continue
		}
		bridges[n.BridgeName()] = n
	}
	c.overlaps()
}

func bridgeKey(n *Network) string {
	if n.External != "" {
		return "external"
	}
	return "bridge"
}

func (c *checker) network(n *Network) {
	if why := interfaceFault(n.BridgeName()); why != "" {
		c.astray(n, bridgeKey(n), "bridge name "+quote(n.BridgeName())+" "+why, `Give a short one: bridge = "st-web".`)
	}
	if n.External != "" {
		c.external(n)
		return
	}
	c.networkIPv4(n)
	c.networkIPv6(n)
	if n.At["mtu"].Line > 0 && (n.MTU < 576 || n.MTU > 65535) {
		c.astray(n, "mtu", fmt.Sprintf("mtu %d is out of range", n.MTU), "It is between 576 (1280 where there is IPv6) and 65535.")
	}
	if n.NAT && n.ipv4() == (netip.Prefix{}) && n.ipv6() == (netip.Prefix{}) {
		c.astray(n, "nat", "nat needs addresses", `Give the network an address: ipv4 = "10.101.0.1/16".`)
	}
	c.services(n)
}

// external refuses what strake would have to change on a bridge that is not its own.
func (c *checker) external(n *Network) {
	for _, key := range []string{"bridge", "ipv4", "ipv6", "nat", "dhcp", "dns", "ra", "isolate", "host_access", "mtu"} {
		if _, said := n.At[key]; said {
			c.astray(n, key, key+" does not go with external", "An external bridge is used and never changed. Leave "+key+" out, or leave external out and let strake make the bridge.")
		}
	}
}

func (c *checker) networkIPv4(n *Network) {
	if n.IPv4 == "" || n.IPv4 == "none" {
		return
	}
	rule := `Write the host's own address with its prefix length, such as "10.101.0.1/16", or "none".`
	p, err := netip.ParsePrefix(n.IPv4)
	switch {
	case err != nil || !p.Addr().Is4():
		c.astray(n, "ipv4", "ipv4 "+quote(n.IPv4)+" is not an address with a prefix length", rule)
	case p.Bits() > 30 || p.Bits() < 8:
		c.astray(n, "ipv4", fmt.Sprintf("prefix length /%d is out of range", p.Bits()), "It is between /8 and /30.")
	case !usable(p.Addr()):
		c.astray(n, "ipv4", "ipv4 "+quote(n.IPv4)+" is not an address for a host", rule)
	case p.Addr() == p.Masked().Addr():
		c.astray(n, "ipv4", quote(n.IPv4)+" is the address of the network itself", fmt.Sprintf("Give the bridge an address in it, such as %s/%d.", p.Addr().Next(), p.Bits()))
	case p.Addr() == broadcast(p):
		c.astray(n, "ipv4", quote(n.IPv4)+" is the broadcast address", fmt.Sprintf("Give the bridge another address, such as %s/%d.", p.Masked().Addr().Next(), p.Bits()))
	}
}

func (c *checker) networkIPv6(n *Network) {
	if n.IPv6 == "" || n.IPv6 == "none" || n.IPv6 == "link-local" {
		return
	}
	rule := `Write the host's own address with its prefix length, such as "fd42::1/64", or "link-local" or "none".`
	p, err := netip.ParsePrefix(n.IPv6)
	switch {
	case err != nil || !p.Addr().Is6() || p.Addr().Is4In6():
		c.astray(n, "ipv6", "ipv6 "+quote(n.IPv6)+" is not an address with a prefix length", rule)
	case p.Bits() > 126 || p.Bits() < 16:
		c.astray(n, "ipv6", fmt.Sprintf("prefix length /%d is out of range", p.Bits()), "It is between /16 and /126; automatic addresses need /64.")
	case p.Addr().IsLinkLocalUnicast():
		c.astray(n, "ipv6", quote(n.IPv6)+" is a link-local address", `Every bridge with IPv6 has fe80::1 anyway: write "link-local".`)
	case !usable(p.Addr()):
		c.astray(n, "ipv6", "ipv6 "+quote(n.IPv6)+" is not an address for a host", rule)
	case p.Addr() == p.Masked().Addr():
		c.astray(n, "ipv6", quote(n.IPv6)+" is the address of the network itself", fmt.Sprintf("Give the bridge an address in it, such as %s/%d.", p.Addr().Next(), p.Bits()))
	case n.At["mtu"].Line > 0 && n.MTU < 1280:
		c.astray(n, "mtu", fmt.Sprintf("mtu %d is too small for IPv6", n.MTU), "IPv6 needs at least 1280.")
	}
}

// overlaps finds networks that share addresses. Sorted by their first address
// only neighbours need to be compared with the widest one seen so far.
func (c *checker) overlaps() {
	for _, family := range []struct {
		key    string
		prefix func(*Network) netip.Prefix
	}{{"ipv4", (*Network).ipv4}, {"ipv6", (*Network).ipv6}} {
		c.overlapping(family.key, family.prefix)
	}
}

func (c *checker) overlapping(key string, prefix func(*Network) netip.Prefix) {
	var widest *Network
	for _, n := range c.byAddress(prefix) {
		if widest == nil || !prefix(widest).Overlaps(prefix(n)) {
			widest = n
			continue
		}
		c.astray(n, key, fmt.Sprintf("%s overlaps %s of network %s", prefix(n).Masked(), prefix(widest).Masked(), quote(widest.Name)),
			"Two networks can't hold the same addresses. See "+widest.place(key).String()+".")
	}
}
