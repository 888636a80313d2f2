package filter

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"strake/reconcile/resource"
)

// element is one entry of a set in nft's words.
type element struct {
	Comment string
	Verdict string
}

// entries are the elements of all sets: by set, by key. A key is as nft reads
// it: `"veth1" . 10.0.0.2`.
type entries map[string]map[string]element

const (
	toSender = "goto sender"
	toUnheld = "goto unheld"
	link     = "link"
)

// add keeps what is there: while containers change, a guard may hold the same
// device twice.
func (e entries) add(set, key string, el element) {
	if e[set] == nil {
		e[set] = map[string]element{}
	}
	if _, ok := e[set][key]; !ok {
		e[set][key] = el
	}
}

func (e entries) has(set, key string) bool {
	_, ok := e[set][key]
	return ok
}

// with is e where the devices of o are as o says, and so are its networks
// unless they are there: what a container was started with once may be older
// than the network.
func (e entries) with(o entries) entries {
	all := entries{}
	for set, list := range e {
		for key, el := range list {
			if device := deviceOf(set, key, el); !follows(set) && !o.has(ports, device) && !o.has(routed, device) {
				all.add(set, key, el)
			}
		}
	}
	for set, list := range o {
		for key, el := range list {
			if bridge, _ := cut(key); set == proxied || !follows(set) && !e.has(bridges, bridge) {
				all.add(set, key, el)
			}
		}
	}
	all.follow()
	return all
}

// deviceOf is whose an element is. A published port is its device's by comment.
func deviceOf(set, key string, el element) string {
	if set == pub4s || set == pub6s {
		return `"` + el.Comment + `"`
	}
	device, _ := cut(key)
	return device
}

// follows says that a set has nothing that others do not tell.
func follows(set string) bool {
	return slices.Contains(following(), set)
}

func following() []string {
	return []string{isolated, refused, none4, none6, links, heard, peers, rstopped, rnone4, rnone6, aheld, astopped, amacs, afree4, aip4s, anet4s}
}

// entriesOf turns the wish into elements.
func entriesOf(g resource.Guard) (entries, error) {
	e := entries{}
	for _, n := range g.Networks {
		if err := e.network(n); err != nil {
			return nil, err
		}
	}
	for _, b := range g.Proxied {
		bridge, err := quote(b)
		if err != nil {
			return nil, fmt.Errorf("proxy on %s: %w", b, err)
		}
		e.add(proxied, bridge, element{})
	}
	for _, n := range g.NICs {
		i := slices.IndexFunc(g.Networks, func(w resource.Network) bool { return w.Bridge == n.Bridge })
		local := i >= 0 && g.Networks[i].IPv6 == "link-local"
		if err := e.nic(n, local || len(n.Senders(true)) > 0); err != nil {
			return nil, fmt.Errorf("nic %s (%s): %w", n.Name, n.Device, err)
		}
	}
	e.follow()
	return e, nil
}

func (e entries) network(n resource.Network) error {
	bridge, err := quote(n.Bridge)
	if err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	e.add(bridges, bridge, element{})
	if err := e.exit(n, bridge); err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	for set, is := range map[string]bool{open: n.HostAccess, dhcp: n.DHCP, names: n.DNS, routers: n.RA} {
		if is {
			e.add(set, bridge, element{})
		}
	}
	if !n.Isolate {
		e.add(loops, join(bridge, bridge), element{})
	}
	return nil
}

// exit adds where the network leads.
func (e entries) exit(n resource.Network, bridge string) error {
	if !n.NAT {
		return nil
	}
	if n.NATThrough == "" {
		e.add(nat, bridge, element{})
		return nil
	}
	by, err := quote(n.NATThrough)
	e.add(exits, join(bridge, by), element{})
	return err
}

// route adds a device that is no port of a bridge, and where it leads.
func (e entries) route(n resource.NIC, device string) error {
	e.add(routed, device, element{})
	if n.Filter.Any() {
		e.add(rheld, device, element{})
		if err := e.sender(n, device, len(n.Senders(true)) > 0, senders{rmacs, rfree4, rip4s, rnet4s, rfree6, rip6s, rnet6s}); err != nil {
			return err
		}
	}
	if n.Parent == "" {
		return nil
	}
	parent, err := quote(n.Parent)
	e.add(ways, join(device, parent), element{})
	e.add(ways, join(parent, device), element{})
	return err
}

// publish leads ports of the host to the NIC.
func (e entries) publish(n resource.NIC) {
	for _, f := range n.Forwards() {
		set := pub4s
		if resource.IsIPv6(f.Address) {
			set = pub6s
		}
		e.add(set, join(f.Protocol, fmt.Sprint(f.Port)), element{n.Device, join(f.Address, fmt.Sprint(f.To))})
	}
}

// nic adds what a NIC may send. six says that it takes part in IPv6 at all.
func (e entries) nic(n resource.NIC, six bool) error {
	device, err := quote(n.Device)
	if err != nil {
		return err
	}
	if _, err := quote(n.Bridge); n.Bridge != "" && err != nil {
		return err
	}
	e.publish(n)
	if n.Type == "routed" {
		return e.route(n, device)
	}
	if !n.Filter.Any() {
		e.add(ports, device, element{n.Bridge, toUnheld})
		return nil
	}
	e.add(ports, device, element{n.Bridge, toSender})
	return e.sender(n, device, six, senders{macs, free4, ip4s, net4s, free6, ip6s, net6s})
}

// senders are the sets of what devices may send.
type senders struct{ macs, free4, ip4s, net4s, free6, ip6s, net6s string }

// sender adds what a device may send.
func (e entries) sender(n resource.NIC, device string, six bool, s senders) error {
	if resource.IsIPv6(n.IPv4) || strings.Contains(n.IPv6, ".") && !resource.IsIPv6(n.IPv6) {
		return fmt.Errorf("addresses %q and %q: wrong family", n.IPv4, n.IPv6)
	}
	mac, err := net.ParseMAC(n.MAC)
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("mac %q: not an Ethernet address", n.MAC)
	}
	e.add(s.macs, join(device, mac.String()), element{})
	if n.Filter.IPv6 && six {
		e.add(s.ip6s, join(device, linkLocal(mac).String()), element{Comment: link})
	}
	return errors.Join(
		e.family(n, sides{device, n.Filter.IPv4, s.free4, s.ip4s, s.net4s, false}),
		e.family(n, sides{device, n.Filter.IPv6, s.free6, s.ip6s, s.net6s, true}))
}

// sides is one family of a device, and the sets that are about it.
type sides struct {
	device              string
	held                bool
	free, own, prefixes string
	six                 bool
}

// family adds what the device may send from. With its own prefix length an
// address is no prefix: only the former has bits of a host.
func (e entries) family(n resource.NIC, s sides) error {
	if !s.held {
		e.add(s.free, s.device, element{})
		return nil
	}
	if err := e.addresses(n, s); err != nil {
		return err
	}
	for _, text := range n.Prefixes {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("prefix %q: %w", text, err)
		}
		if p.Addr().Is6() == s.six {
			e.prefix(s.prefixes, s.device, p)
		}
	}
	return nil
}

func (e entries) addresses(n resource.NIC, s sides) error {
	list, err := n.AddressPrefixes()
	for _, p := range list {
		if p.Addr().Is6() == s.six {
			e.add(s.own, join(s.device, p.Addr().String()), element{Comment: fmt.Sprintf("/%d", p.Bits())})
		}
	}
	return err
}

// prefix adds one. The kernel refuses ranges of a set that overlap: while a
// container goes from one prefix to a wider one, the wider one is there alone.
func (e entries) prefix(set, device string, p netip.Prefix) {
	for key := range e[set] {
		of, text := cut(key)
		other, err := netip.ParsePrefix(whole(text))
		if err != nil || of != device || !other.Overlaps(p) {
			continue
		}
		if other.Bits() <= p.Bits() {
			return
		}
		delete(e[set], key)
	}
	e.add(set, join(device, listedAs(p)), element{})
}

// listedAs is a prefix as nft lists it: that of one address without a length.
func listedAs(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// whole puts the length back.
func whole(text string) string {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String()
	}
	return text
}

// follow fills in the sets that follow from others.
func (e entries) follow() {
	e.absent(none4, free4, ip4s, net4s)
	e.absent(none6, free6, ip6s, net6s)
	e.absent(rnone4, rfree4, rip4s, rnet4s)
	e.absent(rnone6, rfree6, rip6s, rnet6s)
	for from, to := range map[string][]string{rheld: {aheld, rstopped, astopped}, rmacs: {amacs}, rfree4: {afree4}, rip4s: {aip4s}, rnet4s: {anet4s}} {
		for key := range e[from] {
			for _, set := range to {
				e.add(set, key, element{})
			}
		}
	}
	for key := range e[ways] {
		if device, parent := cut(key); e.has(routed, device) {
			group := fmt.Sprint(resource.GroupOf(strings.Trim(parent, `"`)))
			e.add(peers, join(group, group), element{})
		}
	}
	for device, el := range e[ports] {
		for _, set := range []string{refused, links, heard} {
			e.add(set, device, element{})
		}
		bridge := `"` + el.Comment + `"`
		if e.has(bridges, bridge) && !e.has(loops, join(bridge, bridge)) {
			e.add(isolated, device, element{})
		}
	}
}

// absent notes which of the devices that are held to their addresses have none.
func (e entries) absent(none, free string, own ...string) {
	some := map[string]bool{}
	for _, set := range own {
		for key := range e[set] {
			device, _ := cut(key)
			some[device] = true
		}
	}
	held := e[rheld]
	if free == free4 || free == free6 {
		held = e[ports]
	}
	for device, el := range held {
		if el.Verdict != toUnheld && !e.has(free, device) && !some[device] {
			e.add(none, device, element{})
		}
	}
}

// quote is an interface's name for nft, where a final "*" would match more.
func quote(name string) (string, error) {
	const punctuation = "_.:@+-"
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(punctuation, r))
	})
	if odd || name == "" || len(name) > 15 {
		return "", fmt.Errorf("interface name %q can't be used in a firewall rule", name)
	}
	return `"` + name + `"`, nil
}

// linkLocal is the address that the kernel makes from a MAC (RFC 4291, EUI-64).
func linkLocal(m net.HardwareAddr) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
}
