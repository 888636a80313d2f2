package netdev

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// connected is where the route leads that the kernel adds with an address
// (fib_add_ifaddr, inet6_addr_add), and anybody may delete. There is none with one
// that is alone, the second of its network, or was to come without.
func connected(a netlink.Addr) (to netip.Prefix, ok bool) {
	p := prefixOf(a)
	if p.IsSingleIP() || a.Flags&unix.IFA_F_NOPREFIXROUTE != 0 || four(a) && a.Flags&unix.IFA_F_SECONDARY != 0 {
		return p, false
	}
	return p.Masked(), true
}

// lost says that an address does not reach its own network.
func lost(a netlink.Addr, index int, routes []netlink.Route) bool {
	to, ok := connected(a)
	return ok && !slices.ContainsFunc(routes, func(r netlink.Route) bool {
		return r.LinkIndex == index && r.Gw == nil && r.Dst != nil && r.Dst.String() == to.String()
	})
}

// reconnect adds these routes again where they are lost, beside those of others to the
// same network.
func reconnect(h *netlink.Handle, link netlink.Link, routes []netlink.Route, ours func(netlink.Addr) bool) error {
	have, err := ownAddresses(h, link, ours)
	if err != nil {
		return err
	}
	for _, a := range have {
		if !lost(a, link.Attrs().Index, routes) {
			continue
		}
		to, _ := connected(a)
		r := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(to), Protocol: unix.RTPROT_KERNEL}
		if four(a) {
			r.Src, r.Scope = a.IP, netlink.SCOPE_LINK
		} else {
			r.Priority = 256 // IP6_RT_PRIO_ADDRCONF
		}
		if err := h.RouteAppend(r); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add route to %s: %w", to, err)
		}
	}
	return nil
}

// by are the routes of the host that lead out by an interface. Only they are
// listed: the host may have very many.
func (d *Devices) by(link netlink.Link) ([]netlink.Route, error) {
	return dump(func() ([]netlink.Route, error) {
		return d.strict.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{LinkIndex: link.Attrs().Index}, netlink.RT_FILTER_OIF)
	})
}
