package netdev

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/vishvananda/netlink"

	"strake/reconcile/resource"
)

// Types of interfaces that have no end on the host: a second address of one of
// its interfaces, and that interface itself.
const (
	macvlan  = "macvlan"
	physical = "physical"
)

func endless(n resource.NIC) bool { return n.Type == macvlan || n.Type == physical }

// give makes or moves an interface of the host into the container.
func (d *Devices) give(h *netlink.Handle, pid int, n resource.NIC) error {
	parent, err := d.host.LinkByName(n.Parent)
	if err != nil {
		return fmt.Errorf("parent %s: %w", n.Parent, ErrNotFound)
	}
	if other, err := find(h, n.Name); err != nil || other != nil {
		return errors.Join(err, ErrExists)
	}
	if n.Type == physical {
		return d.lend(h, pid, parent, n)
	}
	mac, err := net.ParseMAC(n.MAC)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = n.Name, mtu(n.MTU), mac
	attrs.ParentIndex, attrs.Namespace = parent.Attrs().Index, netlink.NsPid(pid)
	if err := d.host.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}); err != nil {
		return err
	}
	return d.furnish(h, pid, n)
}

// lend moves the parent itself. Its alias says what it is called at home,
// wherever it comes back to the host: the kernel takes it back by itself from a
// container that dies.
func (d *Devices) lend(h *netlink.Handle, pid int, parent netlink.Link, n resource.NIC) error {
	if err := d.host.LinkSetAlias(parent, d.home(n.Parent)); err != nil {
		return fmt.Errorf("mark %s: %w", n.Parent, err)
	}
	if err := d.host.LinkSetNsPid(parent, pid); err != nil {
		return errors.Join(fmt.Errorf("move %s: %w", n.Parent, err), d.host.LinkSetAlias(parent, ""))
	}
	l, err := h.LinkByName(n.Parent)
	if err == nil && n.Name != n.Parent {
		err = h.LinkSetName(l, n.Name)
	}
	if err != nil {
		return err
	}
	return d.furnish(h, pid, n)
}

// furnish gives the container's end its addresses, and one that LXC brought its mark.
func (d *Devices) furnish(h *netlink.Handle, pid int, n resource.NIC) error {
	l, err := h.LinkByName(n.Name)
	if err != nil {
		return err
	}
	if n.Type == physical && l.Attrs().Alias == "" {
		if err := h.LinkSetAlias(l, d.home(n.Parent)); err != nil {
			return err
		}
	}
	return with6(pid, n.Name, func() error {
		if n.Type == physical {
			return number(h, l, resource.NIC{}, n)
		}
		return changeEnd(h, l, resource.NIC{}, n)
	})
}

// home is the alias of an interface that is lent.
func (d *Devices) home(name string) string { return d.mark("home of " + name) }

// fetch takes an interface away from a container, back to the host where it
// belongs there.
func (d *Devices) fetch(h *netlink.Handle, l netlink.Link, n resource.NIC) error {
	if n.Type != physical {
		return h.LinkDel(l)
	}
	here, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	if err := h.LinkSetDown(l); err != nil {
		return err
	}
	if l.Attrs().Name != n.Parent {
		if err := h.LinkSetName(l, n.Parent); err != nil {
			return fmt.Errorf("name it %s again: %w", n.Parent, err)
		}
	}
	if err := h.LinkSetNsFd(l, int(here.Fd())); err != nil {
		return fmt.Errorf("move %s back: %w", n.Parent, err)
	}
	return d.welcome(n)
}

// welcome gives an interface that is back on the host its own name again, by
// whatever way it came.
func (d *Devices) welcome(n resource.NIC) error {
	if n.Type != physical { // each start asks, and to list the host's interfaces takes as long as there are many
		return nil
	}
	links, err := dump(d.host.LinkList)
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Attrs().Alias != d.home(n.Parent) {
			continue
		}
		if l.Attrs().Name != n.Parent {
			if err := errors.Join(d.host.LinkSetDown(l), d.host.LinkSetName(l, n.Parent)); err != nil {
				return fmt.Errorf("name %s %s again: %w", l.Attrs().Name, n.Parent, err)
			}
		}
		return d.host.LinkSetAlias(l, "")
	}
	return nil
}

// lent describes an interface without an end on the host, if one is known to be
// there.
func (d *Devices) lent(s sight, l netlink.Link, known resource.NIC) (resource.NIC, bool) {
	n := s.end(l, known)
	n.Type = known.Type
	switch known.Type {
	case macvlan:
		if l.Type() != macvlan {
			return n, false
		}
		if p, err := d.host.LinkByIndex(l.Attrs().ParentIndex); err == nil {
			n.Parent = p.Attrs().Name
		}
		n.MTU = d.sizeShown(l.Attrs().MTU, n, known)
	case physical: // its address and size are its own
		n.Parent, n.MTU, n.MAC = strings.TrimPrefix(l.Attrs().Alias, d.home("")), 0, ""
		return n, strings.HasPrefix(l.Attrs().Alias, d.home(""))
	default:
		return n, false
	}
	return n, true
}

// alter changes an interface without an end on the host. Another parent is
// another interface.
func (d *Devices) alter(h *netlink.Handle, pid int, l netlink.Link, from, to resource.NIC) error {
	if from.Type == to.Type && from.Parent == to.Parent {
		if err := d.furnish(h, pid, to); err != nil {
			return err
		}
		return lead(h, l, from.Routes, to.Routes)
	}
	if err := d.fetch(h, l, from); err != nil {
		return err
	}
	return d.give(h, pid, to)
}
