package netdev

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// routed is the type of an interface that is on no bridge: the host is its
// router, and leads each of its addresses to it.
const routed = "routed"

// Addresses of the host's end of every routed interface. Both are of the link
// alone (RFC 3927, RFC 4291), so any number of devices may have them.
const (
	host4 = "169.254.0.1"
	host6 = "fe80::1"
)

// route makes the host the router of the interface at its other end.
func (d *Devices) route(peer netlink.Link, from, to resource.NIC) error {
	if peer.Attrs().MasterIndex != 0 {
		if err := d.host.LinkSetNoMaster(peer); err != nil {
			return fmt.Errorf("take %s off its bridge: %w", to.Device, err)
		}
	}
	if err := deaf(to); err != nil {
		return err
	}
	own, err := prefixes(hostEnds(to)...)
	if err != nil {
		return err
	}
	if group := resource.GroupOf(to.Parent); peer.Attrs().Group != group {
		if err := d.host.LinkSetGroup(peer, int(group)); err != nil {
			return fmt.Errorf("put %s into the group of %s: %w", to.Device, to.Parent, err)
		}
	}
	if err := d.up(peer); err != nil {
		return err
	}
	if err := readdress(d.host, peer, own, everyAddress); err != nil {
		return err
	}
	if err := d.ways(peer, from, to); err != nil {
		return err
	}
	return errors.Join(d.reacquaint(peer, to), d.proxy(from, to))
}

func hostEnds(n resource.NIC) []string {
	var list []string
	if n.Gateway4 != "" {
		list = append(list, host4+"/32")
	}
	if n.Gateway6 != "" {
		list = append(list, host6+"/64")
	}
	return list
}

// deaf keeps the host from learning anything from the container, and lets it
// forward what comes from there. A kernel without IPv6 lacks some of these.
func deaf(n resource.NIC) error {
	set := routedSettings(n.Device, n)
	if n.Gateway6 != "" {
		set = append(set, setting{disabled6(n.Device), "0"})
	}
	for _, s := range set {
		if err := s.ensure(); err != nil && !(errors.Is(err, unix.ENOENT) && n.Gateway6 == "") {
			return err
		}
	}
	return nil
}

// routedSettings are those of the device on the host that a routed interface has.
// The kernel takes forwarding from every interface with that of the whole host, so
// it is asked for only where it is needed, and who needs it is on record.
func routedSettings(device string, n resource.NIC) []setting {
	four, six := "net/ipv4/conf/"+device+"/", "net/ipv6/conf/"+device+"/"
	list := append(hostSettings(device), setting{six + "accept_redirects", "0"},
		setting{four + "accept_redirects", "0"}, setting{four + "rp_filter", "1"})
	if n.Gateway4 != "" && (n.Parent != "" || len(n.Publish) > 0) {
		list = append(list, setting{four + "forwarding", "1"})
	}
	return list
}

// leads are what the host routes to the interface: its addresses, and prefixes.
func leads(n resource.NIC) []string {
	var list []string
	addresses, _ := n.AddressPrefixes()
	for _, p := range addresses {
		list = append(list, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()).String())
	}
	return append(list, n.Prefixes...)
}

func (d *Devices) ways(peer netlink.Link, from, to resource.NIC) error {
	for _, text := range leads(from) {
		if slices.Contains(leads(to), text) {
			continue
		}
		if err := unlessGone(way(d.host.RouteDel, peer, text)); err != nil {
			return fmt.Errorf("delete route to %s: %w", text, err)
		}
	}
	for _, text := range leads(to) {
		if err := way(d.host.RouteReplace, peer, text); err != nil {
			return fmt.Errorf("add route to %s: %w", text, err)
		}
	}
	return nil
}

func way(do func(*netlink.Route) error, l netlink.Link, text string) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return err
	}
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(p), Protocol: unix.RTPROT_STATIC}
	if p.Addr().Is4() {
		r.Scope = netlink.SCOPE_LINK
	}
	return do(r)
}

// needsOfRouted are the settings by which the parent forwards what comes for
// the container. IPv6 is forwarded by the whole host or not at all.
func needsOfRouted(n resource.NIC) []string {
	if n.Type != routed || n.Parent == "" {
		return nil
	}
	var list []string
	if n.Gateway4 != "" {
		list = append(list, "net/ipv4/conf/"+n.Parent+"/forwarding")
	}
	if n.Gateway6 != "" {
		list = append(list, forward6, "net/ipv6/conf/"+n.Parent+"/proxy_ndp")
	}
	return list
}

func (d *Devices) checkParent(n resource.NIC) error {
	if n.Parent == "" {
		return nil
	}
	l, err := find(d.host, n.Parent)
	if err == nil && l == nil {
		err = fmt.Errorf("parent %s: %w", n.Parent, ErrNotFound)
	}
	return err
}

// proxy has the host answer for the container's addresses on its parent's
// network, where the neighbours look for them.
func (d *Devices) proxy(from, to resource.NIC) error {
	if to.Parent == "" {
		return d.unproxy(from, nil)
	}
	l, err := d.host.LinkByName(to.Parent)
	if err != nil {
		return fmt.Errorf("parent %s: %w", to.Parent, err)
	}
	if err := d.unproxy(from, &to); err != nil {
		return err
	}
	list, err := to.AddressPrefixes()
	for _, p := range list {
		if err := d.host.NeighSet(stand(l, p.Addr())); err != nil {
			return fmt.Errorf("answer for %s on %s: %w", p.Addr(), to.Parent, err)
		}
	}
	return err
}

func stand(l netlink.Link, ip netip.Addr) *netlink.Neigh {
	n := &netlink.Neigh{LinkIndex: l.Attrs().Index, Flags: netlink.NTF_PROXY, IP: ip.AsSlice(), Family: netlink.FAMILY_V6}
	if ip.Is4() {
		n.Family = netlink.FAMILY_V4
	}
	return n
}

// unproxy ends the answers for what was, but not for what stays.
func (d *Devices) unproxy(was resource.NIC, stays *resource.NIC) error {
	parent := strings.TrimSuffix(was.Parent, "?")
	if parent == "" || was.Type != routed {
		return nil
	}
	l, err := find(d.host, parent)
	if err != nil || l == nil {
		return err
	}
	kept := map[netip.Addr]bool{}
	if stays != nil && stays.Parent == parent {
		list, _ := stays.AddressPrefixes()
		for _, p := range list {
			kept[p.Addr()] = true
		}
	}
	list, _ := was.AddressPrefixes()
	for _, p := range list {
		if kept[p.Addr()] {
			continue
		}
		if err := d.host.NeighDel(stand(l, p.Addr())); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("end the answers for %s on %s: %w", p.Addr(), parent, err)
		}
	}
	return nil
}

// routes tells a routed interface as the host has it. An address that the host
// does not route there has a question mark, and so has a parent on which
// it does not answer for all of them; a gateway is none where it does not answer
// to the container.
func (d *Devices) routes(peer netlink.Link, n *resource.NIC, known resource.NIC) error {
	n.Type = routed
	have, err := dump(func() ([]netlink.Addr, error) { return d.host.AddrList(peer, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	answers := func(ip string) bool {
		return slices.ContainsFunc(have, func(a netlink.Addr) bool { return prefixOf(a).Addr().String() == ip && sound(a) })
	}
	if !answers(host4) {
		n.Gateway4 = ""
	}
	if !answers(host6) {
		n.Gateway6 = ""
	}
	n.IPv4, n.IPv6 = d.routedTo(peer, n.IPv4), d.routedTo(peer, n.IPv6)
	for i, a := range n.Addresses {
		n.Addresses[i] = d.routedTo(peer, a)
	}
	for _, text := range known.Prefixes {
		if d.leadsTo(peer, text) {
			n.Prefixes = append(n.Prefixes, text)
		}
	}
	if n.Parent, err = d.behind(*n, known); n.Parent == known.Parent && peer.Attrs().Group != resource.GroupOf(known.Parent) {
		n.Parent += "?"
	}
	settings, err2 := changed(routedSettings(peer.Attrs().Name, known))
	n.Oddities = said(nil, settings...)
	return errors.Join(err, err2)
}

// routedTo marks those of the addresses that the host does not route to a device.
func (d *Devices) routedTo(peer netlink.Link, list string) string {
	words := strings.Fields(list)
	for i, w := range words {
		p, err := netip.ParsePrefix(w)
		if err == nil && !d.leadsTo(peer, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()).String()) {
			words[i] += "?"
		}
	}
	return strings.Join(words, " ")
}

func (d *Devices) leadsTo(peer netlink.Link, text string) bool {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return false
	}
	found, err := d.host.RouteGetWithOptions(p.Addr().AsSlice(), &netlink.RouteGetOptions{FIBMatch: true})
	return err == nil && len(found) == 1 && found[0].Dst != nil && found[0].Dst.String() == text && found[0].LinkIndex == peer.Attrs().Index
}

// behind is the known parent, if the host forwards there and answers for all
// addresses.
func (d *Devices) behind(n, known resource.NIC) (string, error) {
	if known.Parent == "" {
		return "", nil
	}
	l, err := find(d.host, known.Parent)
	if err != nil || l == nil {
		return "", err
	}
	list, err := n.AddressPrefixes()
	if err != nil {
		return "", err
	}
	for _, p := range list {
		if !answersFor(l, p.Addr()) {
			return known.Parent + "?", nil
		}
	}
	if on, err := d.forwards(n.Device); err != nil || !on {
		return known.Parent + "?", err
	}
	return known.Parent, nil
}

// answersFor asks for one entry: a listing is of all interfaces.
func answersFor(l netlink.Link, ip netip.Addr) bool {
	n := stand(l, ip)
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, unix.NLM_F_ACK)
	req.AddData(&netlink.Ndmsg{Family: uint8(n.Family), Index: uint32(n.LinkIndex), Flags: netlink.NTF_PROXY})
	req.AddData(nl.NewRtAttr(netlink.NDA_DST, n.IP))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err == nil
}
