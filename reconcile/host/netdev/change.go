package netdev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"strake/reconcile/resource"
)

// ChangeNIC brings the interface of that name to what to says by the least
// change, connections of what stays included. from is what was observed; what
// the kernel has at this moment decides. ErrNotFound when the container has
// none of that name.
func (d *Devices) ChangeNIC(ctx context.Context, pid int, from, to resource.NIC) error {
	if from.Name != to.Name {
		return fmt.Errorf("change nic %s: it can't become %s", from.Name, to.Name)
	}
	to.MTU = cmp.Or(to.MTU, d.usualMTU(to))
	return inside(ctx, pid, func(h *netlink.Handle) error {
		l, err := find(h, to.Name)
		if err != nil {
			return err
		}
		if l == nil {
			return fmt.Errorf("change nic %s: %w", to.Name, ErrNotFound)
		}
		if endless(to) {
			if err := d.alter(h, pid, l, from, to); err != nil {
				return fmt.Errorf("change nic %s: %w", to.Name, err)
			}
			return nil
		}
		id, err := d.host.GetNetNsIdByPid(pid)
		if err != nil {
			return fmt.Errorf("change nic %s: %w", to.Name, err)
		}
		peer, err := d.peer(l, id)
		if err != nil {
			return err
		}
		if peer == nil {
			return fmt.Errorf("change nic %s: its other end is not on this host: %w", to.Name, ErrForeign)
		}
		end := func() error { return changeEnd(h, l, from, to) }
		if err := errors.Join(d.attach(peer, from, to), with6(pid, to.Name, end)); err != nil {
			return fmt.Errorf("change nic %s: %w", to.Name, err)
		}
		return nil
	})
}

// attach mends the host's end. Its name, which the firewall goes by, comes
// before it may speak to anybody else.
func (d *Devices) attach(peer netlink.Link, from, to resource.NIC) error {
	if err := d.shape(peer, from, to); err != nil {
		return err
	}
	connect := d.plug
	if to.Type == routed {
		connect = d.route
	}
	return errors.Join(connect(peer, from, to), d.forward(to, needsOf(to)))
}

// shape gives the host's end its name, size and limits.
func (d *Devices) shape(peer netlink.Link, from, to resource.NIC) error {
	a := peer.Attrs()
	if a.Name != to.Device {
		if err := d.unturn(peer); err != nil {
			return fmt.Errorf("take the limit of %s off: %w", a.Name, err)
		}
		if err := d.rename(peer, to.Device); err != nil {
			return fmt.Errorf("rename %s to %s: %w", a.Name, to.Device, err)
		}
	}
	if a.MTU != mtu(to.MTU) {
		if err := d.host.LinkSetMTU(peer, mtu(to.MTU)); err != nil {
			return fmt.Errorf("set mtu of %s: %w", to.Device, err)
		}
	}
	return d.limit(peer, from, to)
}

// plug makes the host's end a port of its bridge.
func (d *Devices) plug(peer netlink.Link, from, to resource.NIC) error {
	bridge, err := d.master(to)
	if err != nil {
		return err
	}
	if peer.Attrs().MasterIndex != bridge.Attrs().Index {
		if err := d.host.LinkSetMaster(peer, bridge); err != nil {
			return fmt.Errorf("make %s a port of %s: %w", to.Device, to.Bridge, err)
		}
	}
	if err := d.tag(peer, bridge, to.VLAN); err != nil {
		return err
	}
	if err := d.up(peer); err != nil {
		return err
	}
	if from.Oddities != "" {
		if err := d.usualPort(peer, bridge); err != nil {
			return err
		}
	}
	return errors.Join(d.reacquaint(bridge, to), d.lead(bridge, from, to))
}

func (d *Devices) up(l netlink.Link) error {
	if l.Attrs().Flags&net.FlagUp != 0 {
		return nil
	}
	if err := d.host.LinkSetUp(l); err != nil {
		return fmt.Errorf("set up %s: %w", l.Attrs().Name, err)
	}
	return nil
}

// rename takes the link down meanwhile: kernels before 6.2 refuse it up.
func (d *Devices) rename(l netlink.Link, name string) error {
	if other, err := find(d.host, name); err != nil {
		return err
	} else if other != nil {
		return ErrExists
	}
	if err := d.host.LinkSetDown(l); err != nil {
		return err
	}
	l.Attrs().Flags &^= net.FlagUp
	if err := d.host.LinkSetName(l, name); err != nil {
		return err
	}
	l.Attrs().Name = name
	return nil
}

// changeEnd mends the container's end. A new MAC takes it down for a moment,
// so that its link-local address follows.
func changeEnd(h *netlink.Handle, l netlink.Link, from, to resource.NIC) error {
	a := l.Attrs()
	if a.HardwareAddr.String() != to.MAC {
		mac, err := net.ParseMAC(to.MAC)
		if err != nil {
			return err
		}
		if err := h.LinkSetDown(l); err != nil {
			return err
		}
		a.Flags &^= net.FlagUp
		if err := h.LinkSetHardwareAddr(l, mac); err != nil {
			return fmt.Errorf("set mac %s: %w", to.MAC, err)
		}
	}
	if a.MTU != mtu(to.MTU) {
		if err := h.LinkSetMTU(l, mtu(to.MTU)); err != nil {
			return fmt.Errorf("set mtu %d: %w", mtu(to.MTU), err)
		}
	}
	return number(h, l, from, to)
}
