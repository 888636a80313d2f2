package netdev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// AddNIC gives the container of pid the interface n, up and a port of its
// bridge, or with the host's routes to it. The firewall has to know it before.
// ErrExists when the name inside or the device on the host is taken; on any
// error nothing stays.
func (d *Devices) AddNIC(ctx context.Context, pid int, n resource.NIC) error {
	if err := d.possible(n); err != nil {
		return fmt.Errorf("add nic %s: %w", n.Name, err)
	}
	n.MTU = cmp.Or(n.MTU, d.usualMTU(n))
	return inside(ctx, pid, func(h *netlink.Handle) error {
		if endless(n) {
			if err := d.give(h, pid, n); err != nil {
				return fmt.Errorf("add nic %s: %w", n.Name, err)
			}
			return nil
		}
		pair, err := d.pair(pid, n)
		if err != nil {
			return fmt.Errorf("add nic %s as %s: %w", n.Name, n.Device, err)
		}
		if err := with6(pid, n.Name, func() error { return d.connect(h, pair, n) }); err != nil {
			return errors.Join(fmt.Errorf("add nic %s: %w", n.Name, err), d.host.LinkDel(pair), d.leave(n))
		}
		return nil
	})
}

// usualMTU is the size of an interface that says none: of what it is connected to,
// which on networks of strake's own the text would say. A smaller one would
// make another's bridge smaller (br_mtu_auto_adjust).
func (d *Devices) usualMTU(n resource.NIC) int {
	at := n.Bridge
	if n.Type == macvlan {
		at = n.Parent
	}
	if at == "" {
		return defaultMTU
	}
	l, err := find(d.host, at)
	if err != nil || l == nil {
		return defaultMTU
	}
	if _, ours := d.owned(l); ours {
		return defaultMTU
	}
	return l.Attrs().MTU
}

// possible says whether the host has what the interface is to be connected to.
func (d *Devices) possible(n resource.NIC) error {
	if n.Type == routed || endless(n) {
		return d.checkParent(n)
	}
	_, err := d.master(n)
	return err
}

// master is the bridge that n has to be a port of.
func (d *Devices) master(n resource.NIC) (netlink.Link, error) {
	l, err := find(d.host, n.Bridge)
	if err != nil {
		return nil, err
	}
	if l == nil || l.Type() != "bridge" {
		return nil, fmt.Errorf("%s: %w", n.Bridge, ErrNoBridge)
	}
	return l, nil
}

// pair makes both ends by one request, the container's end where it belongs:
// it is never visible on the host, and never under another name. A bridge that was
// given no MAC takes the lowest of its ports (br_stp_recalculate_bridge_id), so
// the host's end has a high one, as liblxc gives it: another's bridge keeps its own.
func (d *Devices) pair(pid int, n resource.NIC) (netlink.Link, error) {
	mac, err := net.ParseMAC(n.MAC)
	if err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = n.Device, mtu(n.MTU), append(net.HardwareAddr{0xfe}, mac[1:]...)
	v := netlink.NewVeth(attrs)
	v.PeerName, v.PeerHardwareAddr = n.Name, mac
	v.PeerMTU, v.PeerNamespace = uint32(mtu(n.MTU)), netlink.NsPid(pid)
	if err := d.host.LinkAdd(v); errors.Is(err, unix.EEXIST) {
		return nil, ErrExists
	} else if err != nil {
		return nil, err
	}
	l, err := d.host.LinkByName(n.Device)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// connect brings both ends up, the host's first, and gives them all they need.
func (d *Devices) connect(h *netlink.Handle, pair netlink.Link, n resource.NIC) error {
	if err := d.attach(pair, resource.NIC{}, n); err != nil {
		return err
	}
	l, err := h.LinkByName(n.Name)
	if err != nil {
		return err
	}
	return number(h, l, resource.NIC{}, n)
}

// number brings the container's end up with the addresses, gateways and routes
// of n. Routes come last: they need an interface that is up, and an address.
func number(h *netlink.Handle, l netlink.Link, was, n resource.NIC) error {
	want, err := n.AddressPrefixes()
	if err != nil {
		return err
	}
	if l.Attrs().Flags&net.FlagUp == 0 {
		if err := h.LinkSetUp(l); err != nil {
			return fmt.Errorf("set up: %w", err)
		}
	}
	if err := readdress(h, l, want, decided(was, n)); err != nil {
		return err
	}
	have, err := routes(h)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	if err := reconnect(h, l, have, decided(was, n)); err != nil {
		return err
	}
	if err := reroute(h, l, have, was, n); err != nil {
		return err
	}
	return lead(h, l, was.Routes, n.Routes)
}

// Settle has the IPv6 addresses that liblxc gave the interfaces of pid work
// at once: it adds them as the kernel's default is, tentative for up to two
// seconds (RFC 4862, 5.4), and only an address that is added anew can go
// without. Routers that advertise themselves are not listened to, nor were they: all ways are given.
func (d *Devices) Settle(ctx context.Context, pid int, nics []resource.NIC) error {
	return inside(ctx, pid, func(h *netlink.Handle) error {
		for _, n := range nics {
			l, err := find(h, n.Name)
			if err != nil {
				return err
			}
			if l == nil {
				return fmt.Errorf("settle nic %s: %w", n.Name, ErrNotFound)
			}
			if err := errors.Join(set(pid, setting{acceptRA(n.Name), "0"}), unadvertise(h, l), untry(h, l), number(h, l, resource.NIC{}, n)); err != nil {
				return fmt.Errorf("settle nic %s: %w", n.Name, err)
			}
		}
		return nil
	})
}

// untry takes off what is declared and still tentative.
func untry(h *netlink.Handle, l netlink.Link) error {
	have, err := dump(func() ([]netlink.Addr, error) { return h.AddrList(l, netlink.FAMILY_V6) })
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range have {
		if a.Flags&unix.IFA_F_TENTATIVE == 0 || !declared(a) {
			continue
		}
		if err := h.AddrDel(l, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("delete address %s: %w", prefixOf(a), err)
		}
	}
	return nil
}

// RemoveNIC takes the interface away, both ends. ErrNotFound when the
// container has none of that name.
func (d *Devices) RemoveNIC(ctx context.Context, pid int, n resource.NIC) error {
	return inside(ctx, pid, func(h *netlink.Handle) error {
		l, err := find(h, n.Name)
		if err != nil {
			return err
		}
		if l == nil {
			return fmt.Errorf("remove nic %s: %w", n.Name, ErrNotFound)
		}
		if err := errors.Join(d.part(ctx, pid, h, l, n), d.leave(n)); err != nil {
			return fmt.Errorf("remove nic %s: %w", n.Name, err)
		}
		return nil
	})
}

// ClearNIC removes what the host still has of an interface that no container
// has: its end of the pair, and what leads there. Nothing where nothing is
// left. Another device of that name but a veth is refused with ErrForeign.
func (d *Devices) ClearNIC(ctx context.Context, n resource.NIC) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(d.removeDevice(n.Device), d.welcome(n), d.leave(n))
}

// leave takes away what the host has beside the device of an interface.
func (d *Devices) leave(n resource.NIC) error {
	if n.Device == "" {
		return nil
	}
	return errors.Join(d.mislead(n), d.dropAside(n.Device), d.unproxy(n, nil), d.forward(n, nil))
}

func (d *Devices) removeDevice(name string) error {
	if name == "" {
		return nil
	}
	l, err := find(d.host, name)
	switch {
	case err != nil:
		return err
	case l == nil:
		return nil
	case l.Type() != "veth":
		return fmt.Errorf("remove device %s: %w", name, ErrForeign)
	}
	err = d.host.LinkDel(l)
	if err != nil && !errors.Is(err, unix.ENODEV) { // the kernel was quicker: it cleans up after a dead namespace
		return fmt.Errorf("remove device %s: %w", name, err)
	}
	return nil
}
