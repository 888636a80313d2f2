package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

func nicTypes() []string { return Choices("container.nic.type") }

// fault adds a problem of one interface.
type fault func(key, summary, detail string)

// nicNone is an interface that is not made: what a profile gave is taken back
// by it, and nothing else can be meant.
func (c *checker) nicNone(o *Container, n *NIC, bad fault) {
	prefix := nicPath(n, "")
	for path := range o.At {
		key, ok := strings.CutPrefix(path, prefix)
		if !ok || key == "" || key == ".type" || key == ".ipv4" && n.IPv4 == "none" || key == ".ipv6" && n.IPv6 == "none" {
			continue
		}
		bad("type", `type "none" goes with no other key, and there is `+strings.TrimPrefix(key, "."), `With "none" there is no such interface. Take away what a profile gave: unset = ["nic.`+n.Name+`"].`)
		return
	}
}

// unless refuses keys that an interface of this type has no use for.
func (c *checker) unless(o *Container, n *NIC, bad fault, keys ...string) {
	for _, key := range keys {
		if o.said(nicPath(n, key)) {
			bad(key, fmt.Sprintf("%s does not go with type %q", key, n.Type), "Leave it out, or write another type: "+either(nicTypes())+".")
		}
	}
}

func (c *checker) bridged(o *Container, n *NIC, bad fault) {
	if n.Parent != "" {
		bad("parent", "parent does not go with a bridged interface", "The network says which bridge it is on. Leave parent out, or write a type: "+either(nicTypes()[1:4])+".")
	}
	network := c.networks[n.Network]
	switch {
	case n.Network == "":
		bad("network", "it has no network", "Say which one: network = network.NAME")
		return
	case network == nil:
		bad("network", "there is no network "+quote(n.Network), `Define it: network "`+n.Network+`" { ... }`)
		return
	}
	c.nicIPv4(network, n, bad)
	c.nicIPv6(network, n, bad)
	for _, text := range n.Addresses {
		prefix, family := network.ipv4(), netip.Addr.Is4
		if strings.Contains(text, ":") {
			prefix, family = network.ipv6(), netip.Addr.Is6
		}
		c.fixed(address{network, prefix, text, family}, func(s, d string) { bad("addresses", s, d) })
	}
	for _, g := range []gateway{{"gateway4", n.Gateway4, netip.Addr.Is4, network.ipv4()}, {"gateway6", n.Gateway6, netip.Addr.Is6, network.ipv6()}} {
		g.check(bad)
	}
	c.reachable(network, n, bad)
}

// reachable refuses prefixes that the host could route nowhere.
func (c *checker) reachable(network *Network, n *NIC, bad fault) {
	if network.External != "" {
		return // somebody else's router
	}
	has := map[bool]bool{
		false: n.IPv4 != "none" && network.ipv4().IsValid(),
		true:  network.IPv6 != "" && network.IPv6 != "none",
	}
	for _, text := range n.Prefixes {
		p, err := netip.ParsePrefix(text)
		if err == nil && !has[p.Addr().Is6()] {
			bad("prefixes", "there is no address to route "+quote(text)+" to", "Give the network and the interface an address of that family.")
		}
	}
}

// gateway is a default route that was written out.
type gateway struct {
	key, text string
	family    func(netip.Addr) bool
	prefix    netip.Prefix // the network's; not valid when it has none or is external
}

func (g gateway) check(bad fault) {
	if g.text == "" || g.text == "none" {
		return
	}
	a, err := netip.ParseAddr(g.text)
	switch {
	case err != nil || !g.family(a) || !usable(a) || a.Is4In6():
		bad(g.key, g.key+" "+quote(g.text)+" is not an address of that family", `Write the address of a router on the network, or "none".`)
	case g.prefix.IsValid() && !g.prefix.Contains(a):
		bad(g.key, fmt.Sprintf("%s is outside the network, which is %s", a, g.prefix.Masked()), `Write the address of a router on the network, or "none".`)
	}
}

// routed has a host route for each of its addresses, so they have to be known.
func (c *checker) routed(o *Container, n *NIC, bad fault) {
	c.unless(o, n, bad, "network", "vlan", "gateway4", "gateway6")
	c.parent(n, bad, false)
	found := len(n.Addresses)
	for _, f := range []struct {
		key, text string
		family    func(netip.Addr) bool
	}{{"ipv4", n.IPv4, netip.Addr.Is4}, {"ipv6", n.IPv6, netip.Addr.Is6}} {
		if f.text == "" || f.text == "none" {
			continue
		}
		found++
		if f.text == "auto" || f.text == "dhcp" {
			bad(f.key, f.key+" can't be "+quote(f.text)+" on a routed interface", "The host routes each address to it: write the address.")
			continue
		}
		c.lone(f.key, f.text, f.family, bad)
	}
	for _, text := range n.Addresses {
		c.lone("addresses", text, netip.Addr.IsValid, bad)
	}
	if found == 0 {
		bad("ipv4", "a routed interface needs an address", `Write one, without a prefix length: ipv4 = "192.0.2.7".`)
	}
}

// lone is an address on no network that strake knows.
func (c *checker) lone(key, text string, family func(netip.Addr) bool, bad fault) {
	a, err := netip.ParseAddr(text)
	if err != nil || !family(a) || !usable(a) || a.IsLinkLocalUnicast() || a.Is4In6() {
		bad(key, quote(text)+" is not an address that it can be given", "Write an address of that family without a prefix length.")
	}
}

// onParent is an interface that is made of, or is, one of the host's.
func (c *checker) onParent(o *Container, n *NIC, bad fault) {
	c.unless(o, n, bad, "network", "prefixes", "limits.ingress", "limits.egress", "filter.mac", "filter.ipv4", "filter.ipv6")
	if n.Type == "physical" {
		c.unless(o, n, bad, "mac", "mtu")
	}
	if o.said(nicPath(n, "vlan")) {
		bad("vlan", fmt.Sprintf("vlan does not go with type %q", n.Type), "Have the host make an interface for the VLAN (ip link add ... type vlan), and write that one as parent.")
	}
	for path := range o.At {
		if strings.HasPrefix(path, nicPath(n, "publish")) && strings.HasSuffix(path, `"]`) {
			bad("type", fmt.Sprintf("publish does not go with type %q", n.Type), "Its traffic does not pass the host's firewall. Leave publish out, or write another type.")
			break
		}
	}
	c.parent(n, bad, true)
	for _, f := range []struct {
		key, text string
		family    func(netip.Addr) bool
	}{{"ipv4", n.IPv4, netip.Addr.Is4}, {"ipv6", n.IPv6, netip.Addr.Is6}} {
		switch f.text {
		case "", "none", "dhcp":
		case "auto":
			bad(f.key, f.key+` can't be "auto" without a network`, `Which addresses are free there is not known. Write one with its prefix length, "dhcp" or "none".`)
		default:
			c.foreign(f.key, f.text, f.family, bad)
		}
	}
	for _, text := range n.Addresses {
		c.foreign("addresses", text, netip.Addr.IsValid, bad)
	}
	for _, g := range []gateway{{"gateway4", n.Gateway4, netip.Addr.Is4, netip.Prefix{}}, {"gateway6", n.Gateway6, netip.Addr.Is6, netip.Prefix{}}} {
		g.check(bad)
	}
}

// foreign is an address on a network that is not strake's.
func (c *checker) foreign(key, text string, family func(netip.Addr) bool, bad fault) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !family(p.Addr()) || !usable(p.Addr()) || p.Addr().Is4In6() || p.Bits() == 0 {
		bad(key, quote(text)+" is not an address with a prefix length", "strake does not know that network's: write it as 192.0.2.7/24.")
	}
}

func (c *checker) parent(n *NIC, bad fault, needed bool) {
	if n.Parent == "" {
		if needed {
			bad("parent", fmt.Sprintf("a %s interface needs a parent", n.Type), `Say which of the host's interfaces: parent = "eth0".`)
		}
		return
	}
	if why := interfaceFault(n.Parent); why != "" {
		bad("parent", "parent "+quote(n.Parent)+" "+why, `Write one of the host's interfaces, such as "eth0".`)
	}
}

// traffic checks what every type of interface may have.
func (c *checker) traffic(o *Container, n *NIC, bad fault) {
	if o.said(nicPath(n, "vlan")) && (n.VLAN < 1 || n.VLAN > 4094) {
		bad("vlan", fmt.Sprintf("vlan %d is out of range", n.VLAN), "It is between 1 and 4094 (IEEE 802.1Q). Leave it out for none.")
	}
	c.rate(o, nicPath(n, "limits.ingress"), "nic "+quote(n.Name)+": ingress", n.Limits.Ingress)
	c.rate(o, nicPath(n, "limits.egress"), "nic "+quote(n.Name)+": egress", n.Limits.Egress)
	for i, text := range n.Prefixes {
		p, err := netip.ParsePrefix(text)
		if err != nil || p.Bits() == 0 || p != p.Masked() || !usable(p.Addr()) {
			bad("prefixes", quote(text)+" is not a prefix", `Write a network address with its prefix length: "192.0.2.0/28", "2001:db8:7::/64".`)
		} else if other := overlapped(p, n.Prefixes[:i]); other != "" {
			bad("prefixes", quote(text)+" overlaps "+quote(other), "Take one of them out.")
		}
	}
	for _, r := range n.Routes {
		c.route(n, r, bad)
	}
}

// overlapped is the first of these that shares addresses with p.
func overlapped(p netip.Prefix, others []string) string {
	i := slices.IndexFunc(others, func(text string) bool {
		other, err := netip.ParsePrefix(text)
		return err == nil && other.Overlaps(p)
	})
	if i < 0 {
		return ""
	}
	return others[i]
}

func (c *checker) route(n *NIC, r Route, bad fault) {
	key := `route["` + r.To + `"]`
	p, err := netip.ParsePrefix(r.To)
	if err != nil || p.Bits() == 0 || p != p.Masked() {
		bad(key, "route "+quote(r.To)+" is not a prefix", `The label is a network address with its prefix length, "192.0.2.0/24". The default route is gateway4 and gateway6.`)
		return
	}
	via, err := netip.ParseAddr(r.Via)
	if err != nil || !usable(via) || via.Is4() != p.Addr().Is4() {
		bad(key+".via", "route "+quote(r.To)+" has no router of that family", `Say which neighbour it goes to: via = "10.101.0.9".`)
	}
}

// Bounds of rates: below 8kbit tc's bucket is coarser than the rate, above
// 400Gbit no device goes.
const (
	leastRate = 8_000
	mostRate  = 400_000_000_000
)

func (c *checker) rate(o *Container, path, what string, n int64) {
	if (o.said(path) || n != 0) && (n < leastRate || n > mostRate) {
		c.wrong(o, path, fmt.Sprintf("%s of %d bits a second is out of range", what, n), `Write a rate between "8kbit" and "400Gbit", or leave it out for no limit.`)
	}
}
