package netdev

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"

	"strake/reconcile/resource"
)

// Networks are the bridges with this installation's mark, by name. MAC, MTU
// and addresses are what the kernel has; several addresses where one should
// be are joined by a space. A bridge that is down has no MAC and no
// addresses here. NAT says whether the host forwards what the network needs
// forwarded; Isolate and HostAccess are the firewall's to tell.
func (d *Devices) Networks(ctx context.Context) ([]resource.Network, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	links, err := dump(d.host.LinkList)
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var list []resource.Network
	for _, l := range links {
		name, ours := d.owned(l)
		if !ours {
			continue
		}
		n, err := d.network(name, l)
		if err != nil {
			return nil, fmt.Errorf("observe bridge %s: %w", l.Attrs().Name, err)
		}
		list = append(list, n)
	}
	slices.SortFunc(list, func(a, b resource.Network) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func (d *Devices) network(name string, l netlink.Link) (resource.Network, error) {
	a := l.Attrs()
	n := resource.Network{Name: name, Bridge: a.Name, MTU: shownMTU(a.MTU)}
	if a.Flags&net.FlagUp == 0 {
		return n, nil
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return d.host.AddrList(l, netlink.FAMILY_ALL) })
	if err != nil {
		return n, fmt.Errorf("list addresses: %w", err)
	}
	v4, v6 := split(addrs)
	routes, err := d.by(l)
	if err != nil {
		return n, fmt.Errorf("list routes: %w", err)
	}
	n.MAC, n.IPv4, n.IPv6 = a.HardwareAddr.String(), addressText(v4, routes), bridgeIPv6(v6, routes)
	if n.NAT, err = d.forwards(n.Bridge); err != nil {
		return n, err
	}
	odd, err := oddities(a.Index, nl.IFLA_INFO_DATA, bridgeHabits)
	if err != nil {
		return n, err
	}
	settings, err := changed(append(hostSettings(n.Bridge), forwardingSettings(n)...))
	n.Oddities = said(odd, settings...)
	return n, err
}

func split(addrs []netlink.Addr) (v4, v6 []netlink.Addr) {
	for _, a := range addrs {
		if a.IP.To4() != nil {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return v4, v6
}

// bridgeIPv6 says it in the words of resource.Network: fe80::1/64 goes
// without saying beside a prefix, and is "link-local" alone.
func bridgeIPv6(list []netlink.Addr, routes []netlink.Route) string {
	own := slices.IndexFunc(list, func(a netlink.Addr) bool {
		return prefixOf(a).String() == linkLocal && sound(a) && !lost(a, a.LinkIndex, routes)
	})
	switch {
	case own >= 0 && len(list) == 1:
		return "link-local"
	case own >= 0 && len(list) == 2:
		return addressText(slices.Delete(list, own, own+1), routes)
	case len(list) == 0:
		return ""
	case own < 0:
		return "without " + linkLocal + " " + addressText(list, routes)
	}
	return addressText(list, routes)
}

func shownMTU(n int) int {
	if n == defaultMTU {
		return 0
	}
	return n
}
