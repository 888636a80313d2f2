// Package netdev makes, mends and observes bridges and container interfaces
// through netlink. It changes no bridge that does not carry the mark of its
// own installation, and holds no firewall rules.
package netdev

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

var (
	// ErrForeign: an interface of that name is there and this installation
	// did not make it.
	ErrForeign = resource.ErrForeign
	// ErrNotFound: what should be removed or changed is not there.
	ErrNotFound = resource.ErrNotFound
	// ErrExists: what should be added is there already.
	ErrExists = resource.ErrExists
	// ErrNoBridge: there is no bridge to use.
	ErrNoBridge = errors.New("no such bridge on this host")
)

// Options say whose devices these are.
type Options struct {
	// Installation tells two installations on one host apart. It is part of
	// the mark on each bridge. Required; without ":".
	Installation string
	// Record is the folder that remembers which host-wide settings were
	// changed for which networks. Made when missing. Required.
	Record string
}

// Devices are the bridges and interfaces of the network namespace in which
// they were opened. Safe for use by several goroutines.
type Devices struct {
	opt    Options
	host   *netlink.Handle
	strict *netlink.Handle // the kernel leaves out of a listing what was not asked for (NETLINK_GET_STRICT_CHK)
}

// Open takes hold of the calling thread's network namespace.
func Open(o Options) (*Devices, error) {
	if o.Installation == "" || strings.Contains(o.Installation, ":") || o.Record == "" {
		return nil, errors.New("open network devices: installation and record are required")
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open network devices: %w", err)
	}
	s, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		h.Close()
		return nil, fmt.Errorf("open network devices: %w", err)
	}
	_ = s.SetStrictCheck(true) // before Linux 4.20 all is listed, and passed over here
	return &Devices{opt: o, host: h, strict: s}, nil
}

// Close gives the socket back.
func (d *Devices) Close() error {
	d.host.Close()
	d.strict.Close()
	return nil
}

// mark is the alias of a bridge of ours. Interface aliases are shown by
// `ip link` and live as long as the interface.
func (d *Devices) mark(network string) string {
	return "strake:" + d.opt.Installation + ":" + network
}

// owned finds out whose a link is: the network's name, where it is ours.
func (d *Devices) owned(l netlink.Link) (network string, ours bool) {
	if l.Type() != "bridge" {
		return "", false
	}
	return strings.CutPrefix(l.Attrs().Alias, d.mark(""))
}

// find is a link by its name; nil when there is none.
func find(h *netlink.Handle, name string) (netlink.Link, error) {
	l, err := h.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", name, err)
	}
	// The kernel answers to alternative names too; those are somebody else's.
	if l.Attrs().Name != name {
		return nil, fmt.Errorf("find interface %s: it is another name of %s: %w", name, l.Attrs().Name, ErrForeign)
	}
	return l, nil
}

// dump repeats a listing that the kernel cut short because of a change
// meanwhile (NLM_F_DUMP_INTR).
func dump[T any](list func() ([]T, error)) ([]T, error) {
	for tries := 0; ; tries++ {
		all, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || tries == 20 {
			return all, err
		}
	}
}
