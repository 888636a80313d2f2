package netdev

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// NICs are the veth pairs between the network namespace of pid and the
// host's, by name: what the container sees and what of it is on the host. Interfaces
// that the container made for itself are none of ours and do not show.
//
// Network is filled in for bridges of this installation. Bridge is "" when
// the host's end is no port or is down; IPv4, IPv6 and the gateways are ""
// when the container's end is down. Several addresses are joined by a space.
// Filter is the firewall's to tell; Publish are the known ports as far as the
// host forwards at all.
//
// known are the interfaces as somebody knows them: which of several addresses
// is the first, and which routes and prefixes to ask for. Those that the
// container made for itself are its own affair, and do not show.
func (d *Devices) NICs(ctx context.Context, pid int, known []resource.NIC) ([]resource.NIC, error) {
	var list []resource.NIC
	err := inside(ctx, pid, func(h *netlink.Handle) error {
		id, err := d.host.GetNetNsIdByPid(pid)
		if err != nil {
			return fmt.Errorf("id of network namespace of process %d: %w", pid, err)
		}
		s, err := scan(h)
		if err != nil {
			return fmt.Errorf("observe network of process %d: %w", pid, err)
		}
		for _, l := range s.links {
			n, ok, err := d.nic(s, l, id, known)
			if err != nil {
				return err
			}
			if ok {
				list = append(list, n)
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b resource.NIC) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

// sight is what one namespace has.
type sight struct {
	links  []netlink.Link
	addrs  []netlink.Addr
	routes []netlink.Route
}

func scan(h *netlink.Handle) (sight, error) {
	var s sight
	var err error
	if s.links, err = dump(h.LinkList); err != nil {
		return s, fmt.Errorf("list interfaces: %w", err)
	}
	s.addrs, err = dump(func() ([]netlink.Addr, error) { return h.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return s, fmt.Errorf("list addresses: %w", err)
	}
	if s.routes, err = routes(h); err != nil {
		return s, fmt.Errorf("list routes: %w", err)
	}
	return s, nil
}

func routes(h *netlink.Handle) ([]netlink.Route, error) {
	return dump(func() ([]netlink.Route, error) {
		return h.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{}, 0)
	})
}

// nic describes a container's end of a pair, or an interface of the host's that
// it is known to have; not ok when it is no such thing.
func (d *Devices) nic(s sight, l netlink.Link, nsid int, known []resource.NIC) (resource.NIC, bool, error) {
	as := resource.Known(known, l.Attrs().Name)
	peer, err := d.peer(l, nsid)
	if err == nil && (peer == nil || as.Type == physical) {
		n, ok := d.lent(s, l, as)
		return n, ok, nil
	}
	if err != nil {
		return resource.NIC{}, false, err
	}
	n := s.end(l, as)
	n.Type, n.Device = "bridged", peer.Attrs().Name
	if err := d.port(peer, &n); err != nil {
		return n, true, err
	}
	n.MTU = d.sizeShown(l.Attrs().MTU, n, as)
	n.Limits = d.limits(peer, as.Limits)
	if n.Publish, err = d.published(n, as.Publish); err != nil {
		return n, true, err
	}
	if as.Type == routed && peer.Attrs().MasterIndex == 0 {
		err = d.routes(peer, &n, as)
	} else {
		n.Prefixes = d.leading(n, as.Prefixes)
	}
	if n.MTU == as.MTU && peer.Attrs().MTU != l.Attrs().MTU {
		n.Oddities = strings.TrimPrefix(fmt.Sprintf("%s, host mtu %d", n.Oddities, peer.Attrs().MTU), ", ")
	}
	return n, true, err
}

// end is what the container has of an interface.
func (s sight) end(l netlink.Link, known resource.NIC) resource.NIC {
	a := l.Attrs()
	n := resource.NIC{Name: a.Name, MAC: a.HardwareAddr.String(), MTU: shownMTU(a.MTU)}
	if a.Flags&net.FlagUp == 0 {
		return n
	}
	n.IPv4, n.IPv6 = s.addresses(a.Index)
	n.Gateway4, n.Gateway6 = s.gateway(a.Index, false), s.gateway(a.Index, true)
	n.Routes = s.led(a.Index, known)
	n.Leased = s.leased(a.Index, known)
	return n.As(known).Asking(known)
}

// leased are the addresses of the families for which a client inside asks, by
// whatever means it has put them there.
func (s sight) leased(index int, known resource.NIC) []string {
	var list []string
	given, _ := known.AddressPrefixes()
	for _, a := range s.addrs {
		p := prefixOf(a)
		if a.LinkIndex != index || !known.Asks(p.Addr().Is6()) || p.Addr().IsLinkLocalUnicast() && p.Addr().Is6() || slices.Contains(given, p) {
			continue
		}
		list = append(list, p.Addr().String())
	}
	return list
}

// sizeShown is none for the usual size, unless another is known, which may be the
// usual one, too.
func (d *Devices) sizeShown(size int, n, known resource.NIC) int {
	usual := defaultMTU
	if n.Network == "" { // not on a network of ours
		usual = d.usualMTU(n)
	}
	if known.MTU == 0 && size == usual {
		return 0
	}
	return size
}

// port says where a host's end is plugged in, and into which VLAN there: nowhere while it is down.
func (d *Devices) port(peer netlink.Link, n *resource.NIC) (err error) {
	a := peer.Attrs()
	if a.Flags&net.FlagUp == 0 || a.MasterIndex == 0 {
		return nil
	}
	master, err := d.host.LinkByIndex(a.MasterIndex)
	if err != nil {
		return nil // taken out of the bridge at this moment
	}
	n.Bridge = master.Attrs().Name
	n.Network, _ = d.owned(master)
	if n.VLAN, err = d.tagged(peer, master); err != nil {
		return err
	}
	odd, err := d.portOddities(peer, master)
	n.Oddities = said(odd)
	return err
}

// peer is the host's end of l. Interface indices are a namespace's own, so an
// equal one proves nothing: each end has to point at the other, namespace
// included.
func (d *Devices) peer(l netlink.Link, nsid int) (netlink.Link, error) {
	a := l.Attrs()
	if l.Type() != "veth" || a.ParentIndex == 0 || nsid < 0 {
		return nil, nil
	}
	p, err := d.host.LinkByIndex(a.ParentIndex)
	if err != nil {
		return nil, nil // its other end is elsewhere
	}
	b := p.Attrs()
	if p.Type() != "veth" || b.ParentIndex != a.Index || b.NetNsID != nsid {
		return nil, nil
	}
	return p, nil
}

func (s sight) addresses(index int) (v4, v6 string) {
	var mine []netlink.Addr
	for _, a := range s.addrs {
		if a.LinkIndex == index && declared(a) {
			mine = append(mine, a)
		}
	}
	four, six := split(mine)
	return addressText(four, s.routes), addressText(six, s.routes)
}

// gateway is where the default route by this interface leads. A route that
// the container learned (DHCP, router advertisement) is its own affair.
func (s sight) gateway(index int, six bool) string {
	var list []string
	for _, r := range s.routes {
		if r.LinkIndex == index && ourDefault(r) && (r.Gw.To4() == nil) == six {
			list = append(list, r.Gw.String())
		}
	}
	return strings.Join(list, " ")
}

func ourDefault(r netlink.Route) bool {
	if r.Gw == nil || r.Protocol == unix.RTPROT_RA || r.Protocol == unix.RTPROT_DHCP {
		return false
	}
	if r.Dst == nil {
		return true
	}
	ones, _ := r.Dst.Mask.Size()
	return ones == 0
}
