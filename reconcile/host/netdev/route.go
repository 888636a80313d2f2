package netdev

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// reroute leaves exactly the default routes of n on the link, of those that it has, beside those
// that the container learned by itself. Where a client inside asks for addresses
// all of them are its own, but the one that was given before.
func reroute(h *netlink.Handle, l netlink.Link, have []netlink.Route, was, n resource.NIC) error {
	missing := map[string]bool{n.Gateway4: true, n.Gateway6: true}
	for _, r := range have {
		if r.LinkIndex != l.Attrs().Index || !ourDefault(r) {
			continue
		}
		if missing[r.Gw.String()] {
			delete(missing, r.Gw.String())
			continue
		}
		if six := r.Gw.To4() == nil; n.Asks(six) && !slices.Contains(strings.Fields(was.Gateway(six)), r.Gw.String()) {
			continue
		}
		if err := h.RouteDel(&r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("delete route by %s: %w", r.Gw, err)
		}
	}
	for gateway := range missing {
		if err := addDefault(h, l, gateway); err != nil {
			return fmt.Errorf("add route by %s: %w", gateway, err)
		}
	}
	return nil
}

func addDefault(h *netlink.Handle, l netlink.Link, gateway string) error {
	if gateway == "" {
		return nil
	}
	ip := net.ParseIP(gateway)
	if ip == nil {
		return errors.New("not an address")
	}
	dst := &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	if ip.To4() != nil {
		dst = &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
	}
	r := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Gw: ip, Protocol: unix.RTPROT_STATIC}
	if gateway == host4 { // on no subnet of the interface
		r.Flags = int(netlink.FLAG_ONLINK)
	}
	err := h.RouteAdd(r)
	if errors.Is(err, unix.EEXIST) && ip.To4() == nil && onlyAdvertised(h, l) {
		err = h.RouteAppend(r)
	}
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("the container has a default route by another interface: %w", ErrExists)
	}
	return err
}

// unadvertise takes away the ways that a router has advertised by this interface,
// before anybody could say that it is not to be listened to.
func unadvertise(h *netlink.Handle, l netlink.Link) error {
	have, err := routes(h)
	for _, r := range have {
		if r.LinkIndex != l.Attrs().Index || r.Protocol != unix.RTPROT_RA {
			continue
		}
		if gone := h.RouteDel(&r); gone != nil && !errors.Is(gone, unix.ESRCH) { // its time may be over
			err = errors.Join(err, fmt.Errorf("delete an advertised route: %w", gone))
		}
	}
	return err
}

// onlyAdvertised says whether all IPv6 default routes are by this interface, and
// what a router has advertised: with them another one can be.
func onlyAdvertised(h *netlink.Handle, l netlink.Link) bool {
	have, err := routes(h)
	return err == nil && !slices.ContainsFunc(have, func(r netlink.Route) bool {
		if r.Gw == nil || r.Gw.To4() != nil {
			return false
		}
		if r.Dst != nil {
			if ones, _ := r.Dst.Mask.Size(); ones != 0 {
				return false
			}
		}
		return r.LinkIndex != l.Attrs().Index || r.Protocol != unix.RTPROT_RA
	})
}
