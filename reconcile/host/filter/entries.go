package filter

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"strake/reconcile/resource"
)

// element is one entry of a set in nft's words.
type element struct {
	Comment string `json:"comment,omitempty"`
	Verdict string `json:"verdict,omitempty"`
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
			if device, _ := cut(key); !follows(set) && !o.has(ports, device) {
				all.add(set, key, el)
			}
		}
	}
	for set, list := range o {
		for key, el := range list {
			if bridge, _ := cut(key); !follows(set) && !e.has(bridges, bridge) {
				all.add(set, key, el)
			}
		}
	}
	all.follow()
	return all
}

// follows says that a set has nothing that others do not tell.
func follows(set string) bool {
	return slices.Contains(following(), set)
}

func following() []string { return []string{isolated, rawMACs, none4, none6, rawIP6s, links, heard} }

// entriesOf turns the wish into elements.
func entriesOf(g resource.Guard) (entries, error) {
	e := entries{}
	for _, n := range g.Networks {
		if err := e.network(n); err != nil {
			return nil, err
		}
	}
	for _, n := range g.NICs {
		i := slices.IndexFunc(g.Networks, func(w resource.Network) bool { return w.Bridge == n.Bridge })
		local := i >= 0 && g.Networks[i].IPv6 == "link-local"
		if err := e.nic(n, local || n.IPv6 != ""); err != nil {
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
	if n.NAT {
		e.add(nat, bridge, element{})
	}
	if n.HostAccess {
		e.add(open, bridge, element{})
	}
	if !n.Isolate {
		e.add(loops, join(bridge, bridge), element{})
	}
	return nil
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
	if !n.Filter.Any() {
		e.add(ports, device, element{n.Bridge, toUnheld})
		return nil
	}
	mac, err := net.ParseMAC(n.MAC)
	if err != nil || len(mac) != 6 {
		return fmt.Errorf("mac %q: not an Ethernet address", n.MAC)
	}
	e.add(ports, device, element{n.Bridge, toSender})
	e.add(macs, join(device, mac.String()), element{})
	if !n.Filter.IPv4 {
		e.add(free4, device, element{})
	} else if err := e.address(ip4s, device, n.IPv4); err != nil {
		return err
	}
	if !n.Filter.IPv6 {
		e.add(free6, device, element{})
		return nil
	}
	if six {
		e.add(ip6s, join(device, linkLocal(mac).String()), element{Comment: link})
	}
	return e.address(ip6s, device, n.IPv6)
}

func (e entries) address(set, device, text string) error {
	if text == "" {
		return nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("address %q: %w", text, err)
	}
	if p.Addr().Is4() != (set == ip4s) || p.Addr().Zone() != "" {
		return fmt.Errorf("address %q: wrong family", text)
	}
	e.add(set, join(device, p.Addr().String()), element{Comment: fmt.Sprintf("/%d", p.Bits())})
	return nil
}

// follow fills in the sets that follow from others.
func (e entries) follow() {
	for key := range e[macs] {
		device, mac := cut(key)
		hw, _ := net.ParseMAC(mac)
		e.add(rawMACs, join(device, number(hw)), element{})
	}
	for key := range e[ip6s] {
		device, text := cut(key)
		if ip, err := netip.ParseAddr(text); err == nil {
			e.add(rawIP6s, join(device, number(ip.AsSlice())), element{})
		}
	}
	e.absent(none4, free4, ip4s)
	e.absent(none6, free6, ip6s)
	for device, el := range e[ports] {
		e.add(links, device, element{})
		e.add(heard, device, element{})
		bridge := `"` + el.Comment + `"`
		if e.has(bridges, bridge) && !e.has(loops, join(bridge, bridge)) {
			e.add(isolated, device, element{})
		}
	}
}

// absent notes which of the devices that are held to their addresses have none.
func (e entries) absent(none, free, addresses string) {
	some := map[string]bool{}
	for key := range e[addresses] {
		device, _ := cut(key)
		some[device] = true
	}
	for device, el := range e[ports] {
		if el.Verdict == toSender && !e.has(free, device) && !some[device] {
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

// number is the form of raw payload in nft.
func number(b []byte) string {
	text := hex.EncodeToString(b)
	for len(text) > 1 && text[0] == '0' {
		text = text[1:]
	}
	return "0x" + text
}
