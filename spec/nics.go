package spec

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

func nicPath(n *NIC, key string) string {
	path := `nic["` + n.Name + `"]`
	if key == "" {
		return path
	}
	return path + "." + key
}

func (c *checker) nic(o *Container, n *NIC) {
	bad := func(key, summary, detail string) {
		c.wrong(o, nicPath(n, key), "nic "+quote(n.Name)+": "+summary, detail)
	}
	if why := interfaceFault(n.Name); why != "" {
		bad("", "the name "+why, `The label is the interface's name inside the container, such as "eth0".`)
	}
	if n.Type == "none" {
		c.nicNone(o, n, bad)
		return
	}
	if n.MAC != "" && n.MAC != "auto" {
		if why := macFault(n.MAC); why != "" {
			bad("mac", "mac "+quote(n.MAC)+" "+why, `Write six bytes, such as "02:00:00:12:34:56", or "auto".`)
		}
	}
	if o.said(nicPath(n, "mtu")) && (n.MTU < 576 || n.MTU > 65535) {
		bad("mtu", fmt.Sprintf("mtu %d is out of range", n.MTU), "It is between 576 and 65535.")
	}
	c.traffic(o, n, bad)
	switch n.Type {
	case "", "bridged":
		c.bridged(o, n, bad)
	case "routed":
		c.routed(o, n, bad)
	case "macvlan", "physical":
		c.onParent(o, n, bad)
	default:
		bad("type", "type "+quote(n.Type)+" is not known", "Write "+either(nicTypes())+".")
	}
}

func macFault(text string) string {
	mac, err := net.ParseMAC(text)
	switch {
	case err != nil || len(mac) != 6:
		return "is not a MAC address"
	case mac[0]&1 == 1:
		return "is a multicast address (the first byte is odd)"
	case strings.Trim(mac.String(), "0:") == "":
		return "is all zero"
	}
	return ""
}

const kinds = `ipv4 and ipv6 are "auto", an address, "dhcp", or "none".`

func (c *checker) nicIPv4(network *Network, n *NIC, bad func(key, summary, detail string)) {
	switch n.IPv4 {
	case "", "none":
	case "dhcp":
		c.leased(network, "ipv4", n.Filter.IPv4, netip.Addr.Is4, n, bad)
	case "auto":
		if network.External != "" {
			bad("ipv4", `ipv4 can't be "auto" on an external network`, `Which addresses are free there is not known. Write one with its prefix length, or "none".`)
		} else if !network.ipv4().IsValid() {
			bad("ipv4", `ipv4 can't be "auto": network `+quote(network.Name)+" has no IPv4", `Give the network one: ipv4 = "10.101.0.1/16", or write "none" here.`)
		}
	default:
		c.fixed(address{network, network.ipv4(), n.IPv4, netip.Addr.Is4}, func(s, d string) { bad("ipv4", s, d) })
	}
}

func (c *checker) nicIPv6(network *Network, n *NIC, bad func(key, summary, detail string)) {
	global := network.ipv6()
	switch n.IPv6 {
	case "", "none":
	case "dhcp":
		c.leased(network, "ipv6", n.Filter.IPv6, netip.Addr.Is6, n, bad)
	case "auto":
		if network.External == "" && (network.IPv6 == "" || network.IPv6 == "none") {
			bad("ipv6", `ipv6 can't be "auto": network `+quote(network.Name)+" has no IPv6", `Give the network one: ipv6 = "fd42::1/64" or "link-local", or write "none" here.`)
		}
		if global.IsValid() && global.Bits() != 64 {
			bad("ipv6", fmt.Sprintf(`ipv6 can't be "auto" in a /%d`, global.Bits()), "Addresses made from the MAC need a /64. Write an address.")
		}
	default:
		c.fixed(address{network, global, n.IPv6, netip.Addr.Is6}, func(s, d string) { bad("ipv6", s, d) })
	}
}

// leased is an address that somebody else gives. strake learns it from nobody,
// so that a filter can't hold the interface to it.
func (c *checker) leased(network *Network, key string, filter *bool, family func(netip.Addr) bool, n *NIC, bad func(key, summary, detail string)) {
	if network.External == "" {
		bad(key, key+` can't be "dhcp" on a network of strake's own`, `Write "auto": the address is there before init runs, and with dhcp = true on the network a client in the image is given the same one.`)
		return
	}
	known := func(text string) bool {
		a, _, err := parseAddress(text)
		p, err2 := netip.ParsePrefix(text)
		return err == nil && family(a) || err2 == nil && family(p.Addr())
	}
	if filter != nil && *filter && !slices.ContainsFunc(slices.Concat(n.Addresses, n.Prefixes), known) {
		bad("filter."+key, `the filter would stop what `+key+` = "dhcp" brings`, "It lets through addresses that are known. Write those that may be given in addresses or prefixes, or filter by mac alone.")
	}
}

// address is one that was written out, and what it has to fit.
type address struct {
	network *Network
	prefix  netip.Prefix // the bridge's; not valid when it has none
	text    string
	family  func(netip.Addr) bool
}

func (c *checker) fixed(a address, bad func(summary, detail string)) {
	addr, own, err := parseAddress(a.text)
	if err != nil {
		bad(quote(a.text)+" is not an address", kinds)
		return
	}
	if !a.family(addr) || addr.Is4In6() {
		bad(quote(a.text)+" is of the other family", "IPv4 addresses go to ipv4, IPv6 ones to ipv6.")
		return
	}
	if !usable(addr) || addr.IsLinkLocalUnicast() {
		bad(quote(a.text)+" is not an address that a container can be given", "It is unspecified, loopback, link-local, multicast or broadcast.")
		return
	}
	if a.network.External != "" {
		if own == 0 {
			bad("the address has no prefix length", "strake does not know the one of an external network: write "+quote(a.text+"/24")+" or what fits.")
		}
		return
	}
	c.fits(a, addr, own, bad)
}

// fits checks an address against the prefix of a network of our own.
func (c *checker) fits(a address, addr netip.Addr, own int, bad func(summary, detail string)) {
	network, prefix := a.network, a.prefix
	bridge := prefix.Addr()
	switch {
	case !prefix.IsValid():
		bad("network "+quote(network.Name)+" has no addresses of that family", "It is at "+network.Pos.String()+".")
	case !prefix.Contains(addr):
		bad(fmt.Sprintf("%s is outside network %s, which is %s", addr, quote(network.Name), prefix.Masked()), "Write an address in it, or \"auto\".")
	case own != 0 && own != prefix.Bits():
		bad(fmt.Sprintf("prefix length /%d is not the network's, /%d", own, prefix.Bits()), "Leave the prefix length out: it is the network's.")
	case addr == bridge:
		bad(fmt.Sprintf("%s is the bridge's own address", addr), "Write another one, or \"auto\".")
	case addr == prefix.Masked().Addr():
		bad(fmt.Sprintf("%s is the address of the network itself", addr), "Write another one, or \"auto\".")
	case addr.Is4() && addr == broadcast(prefix):
		bad(fmt.Sprintf("%s is the network's broadcast address", addr), "Write another one, or \"auto\".")
	}
}

// parseAddress reads an address with or without prefix length; 0 is without.
func parseAddress(text string) (netip.Addr, int, error) {
	if p, err := netip.ParsePrefix(text); err == nil {
		if p.Bits() == 0 {
			return netip.Addr{}, 0, fmt.Errorf("prefix length 0")
		}
		return p.Addr(), p.Bits(), nil
	}
	a, err := netip.ParseAddr(text)
	return a, 0, err
}

// allAddresses finds addresses and MACs that are there twice. Addresses are
// told apart by bridge: two external bridges may hold the same numbers.
func (c *checker) allAddresses() {
	type key struct{ where, what string }
	seen := make(map[key]string)
	for i := range c.stack.Containers {
		o := &c.stack.Containers[i]
		for j := range o.NICs {
			n := &o.NICs[j]
			for _, a := range c.claims(n) {
				k := key{a.where, a.what}
				if other, twice := seen[k]; twice {
					c.wrong(o, nicPath(n, a.key), "nic "+quote(n.Name)+": "+a.what+" is taken", "It is the one of "+other+".")
					continue
				}
				seen[k] = fmt.Sprintf("container %s, nic %s (%s)", quote(o.Name), quote(n.Name), o.place(nicPath(n, a.key)))
			}
		}
	}
}

type claim struct{ key, where, what string }

func (c *checker) claims(n *NIC) []claim {
	var list []claim
	if mac, err := net.ParseMAC(n.MAC); err == nil {
		list = append(list, claim{"mac", "", mac.String()})
	}
	if n.Type == "physical" {
		list = append(list, claim{"parent", "", "interface " + n.Parent})
	}
	network := c.networks[n.Network]
	if network == nil {
		return list
	}
	if a, _, err := parseAddress(n.IPv4); err == nil {
		list = append(list, claim{"ipv4", network.BridgeName(), a.String()})
	}
	if a, _, err := parseAddress(n.IPv6); err == nil {
		list = append(list, claim{"ipv6", network.BridgeName(), a.String()})
	}
	for _, text := range n.Addresses {
		if a, _, err := parseAddress(text); err == nil {
			list = append(list, claim{"addresses", network.BridgeName(), a.String()})
		}
	}
	for _, text := range n.Prefixes {
		list = append(list, claim{"prefixes", network.BridgeName(), text})
	}
	return list
}
