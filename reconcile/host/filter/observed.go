package filter

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

func join(a, b string) string { return a + " . " + b }

func cut(key string) (device, rest string) {
	device, rest, _ = strings.Cut(key, " . ")
	return device, rest
}

// guard is the guard that the elements make, and what in them does not fit
// together: an entry that was taken out or put in by hand.
func (e entries) guard() (resource.Guard, []string) {
	var g resource.Guard
	exit := e.pairs(exits)
	for _, bridge := range slices.Sorted(maps.Keys(e[bridges])) {
		g.Networks = append(g.Networks, resource.Network{
			Bridge: strings.Trim(bridge, `"`), NAT: e.has(nat, bridge) || exit[bridge] != "", NATThrough: exit[bridge],
			Isolate: !e.has(loops, join(bridge, bridge)), HostAccess: e.has(open, bridge),
			DHCP: e.has(dhcp, bridge), DNS: e.has(names, bridge), RA: e.has(routers, bridge),
		})
	}
	for _, bridge := range slices.Sorted(maps.Keys(e[proxied])) {
		g.Proxied = append(g.Proxied, strings.Trim(bridge, `"`))
	}
	hardware, four, six := e.byDevice(macs), e.byDevice(ip4s), e.byDevice(ip6s)
	prefixes := e.prefixes(net4s, net6s)
	for _, device := range slices.Sorted(maps.Keys(e[ports])) {
		el := e[ports][device]
		n := resource.NIC{
			Device: strings.Trim(device, `"`), Bridge: el.Comment,
			MAC: hardware[device], IPv4: four[device], IPv6: six[device], Prefixes: prefixes[device],
		}
		if el.Verdict == toSender {
			n.Filter = resource.Filter{MAC: true, IPv4: !e.has(free4, device), IPv6: !e.has(free6, device)}
		}
		g.NICs = append(g.NICs, n)
	}
	g.NICs = append(g.NICs, e.routes()...)
	return g, e.odd()
}

// routes are the devices that are no ports of a bridge.
func (e entries) routes() []resource.NIC {
	var list []resource.NIC
	way := e.pairs(ways)
	hardware, four, six := e.byDevice(rmacs), e.byDevice(rip4s), e.byDevice(rip6s)
	prefixes := e.prefixes(rnet4s, rnet6s)
	for _, device := range slices.Sorted(maps.Keys(e[routed])) {
		n := resource.NIC{Type: "routed", Device: strings.Trim(device, `"`)}
		if parent := way[device]; e.has(ways, join(`"`+parent+`"`, device)) {
			n.Parent = parent
		}
		if e.has(rheld, device) {
			n.MAC, n.IPv4, n.IPv6, n.Prefixes = hardware[device], four[device], six[device], prefixes[device]
			n.Filter = resource.Filter{MAC: true, IPv4: !e.has(rfree4, device), IPv6: !e.has(rfree6, device)}
		}
		list = append(list, n)
	}
	return list
}

// pairs are the second names of a set of two by the first.
func (e entries) pairs(set string) map[string]string {
	all := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(e[set])) {
		first, second := cut(key)
		all[first] = strings.Trim(second, `"`)
	}
	return all
}

// forwards are the published ports.
func (e entries) forwards() []resource.Forward {
	var list []resource.Forward
	for _, set := range []string{pub4s, pub6s} {
		for _, key := range slices.Sorted(maps.Keys(e[set])) {
			el := e[set][key]
			protocol, port := cut(key)
			address, to := cut(el.Verdict)
			f := resource.Forward{Device: el.Comment, Protocol: protocol, Address: address}
			f.Port, _ = strconv.Atoi(port)
			f.To, _ = strconv.Atoi(to)
			list = append(list, f)
		}
	}
	return list
}

// byDevice joins the values of a set that each device has. Link-local
// addresses go without saying.
func (e entries) byDevice(set string) map[string]string {
	all := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(e[set])) {
		device, value := cut(key)
		el := e[set][key]
		if el.Comment == link {
			continue
		}
		if all[device] != "" {
			all[device] += " "
		}
		all[device] += value + el.Comment
	}
	return all
}

// prefixes lists those that each device has.
func (e entries) prefixes(sets ...string) map[string][]string {
	all := map[string][]string{}
	for _, set := range sets {
		for _, key := range slices.Sorted(maps.Keys(e[set])) {
			device, text := cut(key)
			all[device] = append(all[device], whole(text))
		}
	}
	return all
}

// odd compares the sets that follow from others with what should follow, and
// link-local addresses with the MACs they are made of.
func (e entries) odd() []string {
	should := entries{}
	for _, set := range []string{ports, macs, free4, ip4s, net4s, free6, ip6s, net6s, bridges, loops, routed, ways, rheld, rmacs, rfree4, rip4s, rnet4s, rfree6, rip6s, rnet6s} {
		should[set] = e[set]
	}
	should.follow()
	var list []string
	for _, set := range following() {
		for key := range should[set] {
			if !e.has(set, key) {
				list = append(list, fmt.Sprintf("set %s has no %s", set, key))
			}
		}
		for key := range e[set] {
			if !should.has(set, key) {
				list = append(list, fmt.Sprintf("set %s has %s", set, key))
			}
		}
	}
	for _, s := range []struct{ macs, free6, none6, ip6s string }{{macs, free6, none6, ip6s}, {rmacs, rfree6, rnone6, rip6s}} {
		for key := range e[s.macs] {
			device, mac := cut(key)
			hw, err := net.ParseMAC(mac)
			if err != nil || e.has(s.free6, device) || should.has(s.none6, device) {
				continue
			}
			if own := join(device, linkLocal(hw).String()); !e.has(s.ip6s, own) {
				list = append(list, fmt.Sprintf("set %s has no %s", s.ip6s, own))
			}
		}
	}
	slices.Sort(list)
	return list
}
