package netdev

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// lead gives the link the routes, and takes those away that were there before
// and are not wanted any more. Others are the container's own.
func lead(h *netlink.Handle, l netlink.Link, was, want []resource.Route) error {
	for _, r := range was {
		if slices.ContainsFunc(want, func(w resource.Route) bool { return w.To == r.To }) {
			continue
		}
		if err := unlessGone(unlead(h, l, r)); err != nil {
			return fmt.Errorf("delete route to %s: %w", r.To, err)
		}
	}
	for _, r := range want {
		if err := change(h.RouteReplace, l, r); err != nil {
			return fmt.Errorf("add route to %s by %s: %w", r.To, r.Via, err)
		}
	}
	return nil
}

func change(do func(*netlink.Route) error, l netlink.Link, r resource.Route) error {
	to, err := netip.ParsePrefix(r.To)
	if err != nil {
		return err
	}
	return do(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(to), Gw: net.ParseIP(r.Via), Protocol: unix.RTPROT_STATIC})
}

// unlead deletes a route whoever made it: a protocol or a scope would have to be
// the route's own.
func unlead(h *netlink.Handle, l netlink.Link, r resource.Route) error {
	to, err := netip.ParsePrefix(r.To)
	if err != nil {
		return err
	}
	return h.RouteDel(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(to), Gw: net.ParseIP(r.Via), Scope: netlink.SCOPE_NOWHERE})
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// unlessGone drops the errors that say that a route, or its device, is gone already.
func unlessGone(err error) error {
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// onLink stands in place of the router of a route that has none.
const onLink = "link"

// led are the known routes that lead anywhere by this interface, and those that
// somebody has added by hand. What a program has made it marks as its own
// (rtm_protocol), or the kernel does; where a client inside asks for addresses,
// all routes are its own.
func (s sight) led(index int, known resource.NIC) []resource.Route {
	var list []resource.Route
	for _, r := range s.routes {
		if r.LinkIndex != index || r.Dst == nil {
			continue
		}
		if ones, _ := r.Dst.Mask.Size(); ones == 0 {
			continue
		}
		found := resource.Route{To: r.Dst.String(), Via: onLink}
		if r.Gw != nil {
			found.Via = r.Gw.String()
		}
		expected := slices.ContainsFunc(known.Routes, func(k resource.Route) bool { return k.To == found.To })
		if expected || byHand(r, known) {
			list = append(list, found)
		}
	}
	slices.SortFunc(list, func(a, b resource.Route) int { return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Via, b.Via)) })
	return list
}

// byHand says whether a route is one of those that `ip route add` makes, or that
// strake made once, and not the way to a router of the interface.
func byHand(r netlink.Route, known resource.NIC) bool {
	if r.Protocol != unix.RTPROT_BOOT && r.Protocol != unix.RTPROT_STATIC || r.Type != unix.RTN_UNICAST {
		return false
	}
	to, _ := netip.AddrFromSlice(r.Dst.IP)
	if to = to.Unmap(); known.Asks(to.Is6()) || to.IsLinkLocalUnicast() {
		return false
	}
	router := func(ip string) bool { return ip == to.String() }
	return !router(known.Gateway4) && !router(known.Gateway6) && !slices.ContainsFunc(known.Routes, func(k resource.Route) bool { return router(k.Via) })
}

// lead makes the host route prefixes to the interface on a bridge of ours. On
// another's bridge the router is somebody else.
func (d *Devices) lead(bridge netlink.Link, was, n resource.NIC) error {
	if was.Bridge != n.Bridge {
		if err := d.mislead(was); err != nil {
			return err
		}
		was = resource.NIC{}
	}
	if _, ours := d.owned(bridge); !ours {
		return nil
	}
	gone := slices.DeleteFunc(ways(was), func(r resource.Route) bool { return slices.Contains(ways(n), r) })
	return lead(d.host, bridge, gone, ways(n))
}

// mislead takes the host's routes to the interface away.
func (d *Devices) mislead(n resource.NIC) error {
	if n.Bridge == "" {
		return nil
	}
	bridge, err := find(d.host, n.Bridge)
	if err != nil || bridge == nil || len(n.Prefixes) == 0 {
		return err
	}
	if _, ours := d.owned(bridge); !ours {
		return nil
	}
	return lead(d.host, bridge, ways(n), nil)
}

// ways are the routes to the prefixes of an interface on a bridge. The IPv6
// ones go by the link-local address, which only the MAC can change.
func ways(n resource.NIC) []resource.Route {
	var list []resource.Route
	for _, text := range n.Prefixes {
		if via := n.Way(resource.IsIPv6(text)); via != "" {
			list = append(list, resource.Route{To: text, Via: via})
		}
	}
	return list
}

// leading are those of the known prefixes that the host routes to the
// interface. It asks for each: a listing of all routes would take longer
// with every container.
func (d *Devices) leading(n resource.NIC, known []string) []string {
	if n.Bridge == "" {
		return nil
	}
	bridge, err := find(d.host, n.Bridge)
	if err != nil || bridge == nil {
		return nil
	}
	if _, ours := d.owned(bridge); !ours {
		return known
	}
	var list []string
	for _, text := range known {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			continue
		}
		found, err := d.host.RouteGetWithOptions(p.Addr().AsSlice(), &netlink.RouteGetOptions{FIBMatch: true})
		if err != nil || len(found) != 1 {
			continue
		}
		r := found[0]
		if r.Dst != nil && r.Dst.String() == text && r.LinkIndex == bridge.Attrs().Index && r.Gw.String() == n.Way(p.Addr().Is6()) {
			list = append(list, text)
		}
	}
	return list
}
