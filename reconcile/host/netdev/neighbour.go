package netdev

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// reacquaint has the host forget under which MAC it knew the addresses of n,
// if it was another: it would go on sending there for as long as it takes to
// find nobody (5 s of DELAY and 3 s of PROBE, see neighbour.c, after up to 45 s
// in which it is sure).
func (d *Devices) reacquaint(link netlink.Link, n resource.NIC) error {
	want, err := n.AddressPrefixes()
	if err != nil {
		return err
	}
	for _, p := range want {
		if err := d.forgetNeighbour(link.Attrs().Index, p.Addr(), n.MAC); err != nil {
			return fmt.Errorf("forget neighbour %s: %w", p.Addr(), err)
		}
	}
	return nil
}

// forgetNeighbour deletes what the host knows of ip behind link, unless it is mac.
func (d *Devices) forgetNeighbour(link int, ip netip.Addr, mac string) error {
	known, err := dump(func() ([]netlink.Neigh, error) { return d.host.NeighList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return err
	}
	for _, n := range known {
		if a, _ := netip.AddrFromSlice(n.IP); a.Unmap() != ip || n.HardwareAddr.String() == mac {
			continue
		}
		if err := d.host.NeighDel(&n); err != nil && !errors.Is(err, unix.ENOENT) {
			return err
		}
	}
	return nil
}
