package netdev

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

const defaultMTU = 1500

// EnsureNetwork makes or mends the bridge to exactly n. An external network
// is only looked for. It does nothing when all is as it should be.
func (d *Devices) EnsureNetwork(ctx context.Context, n resource.Network) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.External {
		return d.checkExternal(n)
	}
	return d.locked(func() error {
		link, err := d.bridge(n)
		if err != nil {
			return fmt.Errorf("make bridge %s: %w", n.Bridge, err)
		}
		if err := d.mend(link, n); err != nil {
			return fmt.Errorf("set up bridge %s: %w", n.Bridge, err)
		}
		if err := d.demand(n.Bridge, n.Needs()); err != nil {
			return err
		}
		for _, s := range forwardingSettings(n) {
			if err := s.ensure(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *Devices) checkExternal(n resource.Network) error {
	l, err := find(d.host, n.Bridge)
	if err != nil {
		return err
	}
	if l == nil || l.Type() != "bridge" {
		return fmt.Errorf("network %s: %s: %w", n.Name, n.Bridge, ErrNoBridge)
	}
	return nil
}

// bridge finds our bridge or makes it.
func (d *Devices) bridge(n resource.Network) (netlink.Link, error) {
	link, err := find(d.host, n.Bridge)
	if err != nil {
		return nil, err
	}
	if link == nil {
		return d.addBridge(n)
	}
	owner, ours := d.owned(link)
	switch {
	case ours && owner == n.Name:
		return link, nil
	case ours:
		return nil, fmt.Errorf("it is the bridge of network %s: %w", owner, ErrForeign)
	case d.halfMade(link, n):
		return link, d.setAlias(link, n)
	}
	return nil, ErrForeign
}

func (d *Devices) addBridge(n resource.Network) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	// A bridge whose MTU was never changed follows its smallest port
	// (br_mtu_auto_adjust), and the one it is made with is no change: mend's is.
	attrs.Name, attrs.MTU = n.Bridge, mtu(n.MTU)-1
	if n.MAC != "" {
		mac, err := net.ParseMAC(n.MAC)
		if err != nil {
			return nil, err
		}
		attrs.HardwareAddr = mac
	}
	if err := d.host.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return nil, err
	}
	link, err := d.host.LinkByName(n.Bridge)
	if err != nil {
		return nil, err
	}
	return link, d.setAlias(link, n)
}

func (d *Devices) setAlias(link netlink.Link, n resource.Network) error {
	if err := d.host.LinkSetAlias(link, d.mark(n.Name)); err != nil {
		return fmt.Errorf("mark as ours: %w", err)
	}
	link.Attrs().Alias = d.mark(n.Name)
	return nil
}

// halfMade recognises the bridge of a run that was killed between making it
// and marking it (RTM_NEWLINK ignores IFLA_IFALIAS when it creates): never
// up, no mark, no address, no port, and the MAC that only we know.
func (d *Devices) halfMade(link netlink.Link, n resource.Network) bool {
	a := link.Attrs()
	if link.Type() != "bridge" || a.Alias != "" || a.Flags&net.FlagUp != 0 {
		return false
	}
	if n.MAC == "" || a.HardwareAddr.String() != n.MAC {
		return false
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return d.host.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil || len(addrs) > 0 {
		return false
	}
	links, err := dump(d.host.LinkList)
	for _, l := range links {
		if l.Attrs().MasterIndex == a.Index {
			return false
		}
	}
	return err == nil
}

// mend brings a bridge of ours to what n says, in the order in which it is
// never up with settings that would make it listen to router advertisements.
func (d *Devices) mend(link netlink.Link, n resource.Network) error {
	a := link.Attrs()
	if n.MAC != "" && a.HardwareAddr.String() != n.MAC {
		mac, err := net.ParseMAC(n.MAC)
		if err != nil {
			return err
		}
		if err := d.host.LinkSetHardwareAddr(link, mac); err != nil {
			return fmt.Errorf("set mac %s: %w", n.MAC, err)
		}
	}
	if a.MTU != mtu(n.MTU) {
		if err := d.host.LinkSetMTU(link, mtu(n.MTU)); err != nil {
			return fmt.Errorf("set mtu %d: %w", mtu(n.MTU), err)
		}
	}
	if err := errors.Join(usualBridge(link), quiet(n)); err != nil {
		return err
	}
	want, err := bridgeAddresses(n)
	if err != nil {
		return err
	}
	if a.Flags&net.FlagUp == 0 {
		if err := d.host.LinkSetUp(link); err != nil {
			return fmt.Errorf("set up: %w", err)
		}
	}
	if err := readdress(d.host, link, want, everyAddress); err != nil {
		return err
	}
	routes, err := d.by(link)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	return reconnect(d.host, link, routes, everyAddress)
}

// quiet keeps the bridge from choosing addresses and routes by itself. A
// kernel without IPv6 has no such settings.
func quiet(n resource.Network) error {
	set := hostSettings(n.Bridge)
	if n.IPv6 != "" {
		set = append(set, setting{disabled6(n.Bridge), "0"})
	}
	for _, s := range set {
		err := s.ensure()
		if errors.Is(err, unix.ENOENT) && n.IPv6 == "" {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forwardingSettings are the bridge's own share of what leads out. IPv6 is forwarded by
// the whole host or not at all.
func forwardingSettings(n resource.Network) []setting {
	if !n.NAT || n.IPv4 == "" {
		return nil
	}
	return []setting{{forwardingOf(forward4, n.Bridge), "1"}}
}

// RemoveNetwork removes the bridge, if it is ours, and puts back the
// host-wide settings that nobody else needs. ErrNotFound when it is gone.
func (d *Devices) RemoveNetwork(ctx context.Context, n resource.Network) error {
	if err := ctx.Err(); err != nil || n.External {
		return err
	}
	return d.locked(func() error { return d.remove(n) })
}

func (d *Devices) remove(n resource.Network) error {
	link, err := find(d.host, n.Bridge)
	if err != nil {
		return err
	}
	if link == nil {
		return errors.Join(d.demand(n.Bridge, nil), fmt.Errorf("bridge %s: %w", n.Bridge, ErrNotFound))
	}
	owner, ours := d.owned(link)
	if ours && owner != n.Name || !ours && !d.halfMade(link, n) {
		return fmt.Errorf("remove bridge %s: %w", n.Bridge, ErrForeign)
	}
	if err := d.host.LinkDel(link); err != nil {
		return fmt.Errorf("remove bridge %s: %w", n.Bridge, err)
	}
	return d.demand(n.Bridge, nil)
}

func mtu(n int) int {
	if n == 0 {
		return defaultMTU
	}
	return n
}
