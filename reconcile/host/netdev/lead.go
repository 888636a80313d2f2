package netdev

import (
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
		if err := unlessGone(change(h.RouteDel, l, r)); err != nil {
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

// led are those of the known routes that lead anywhere by this interface.
func (s sight) led(index int, known []resource.Route) []resource.Route {
	var list []resource.Route
	for _, k := range known {
		for _, r := range s.routes {
			if r.LinkIndex == index && r.Gw != nil && r.Dst != nil && r.Dst.String() == k.To {
				list = append(list, resource.Route{To: k.To, Via: r.Gw.String()})
			}
		}
	}
	return list
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
