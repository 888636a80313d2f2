package netdev

import (
	"context"
	"errors"
	"time"

	"github.com/vishvananda/netlink"

	"strake/reconcile/resource"
)

// vanishing is how long to wait before another look at whether a device is gone.
const vanishing = 100 * time.Microsecond

// part takes an interface away from a container. Of a pair it waits until both
// ends are gone. The kernel answers later than that: when it has freed them, after
// a grace period of RCU (netdev_run_todo, rcu_barrier), which takes several times
// as long and is of no concern to anybody.
func (d *Devices) part(ctx context.Context, pid int, h *netlink.Handle, l netlink.Link, n resource.NIC) error {
	if endless(n) || l.Type() != "veth" {
		return d.fetch(h, l, n)
	}
	own, err := enter(ctx, pid) // for as long as the kernel takes
	if err != nil {
		return err
	}
	answer := make(chan error, 1)
	go func() {
		defer own.Close()
		answer <- own.LinkDel(l)
	}()
	for {
		select {
		case err := <-answer:
			return err
		case <-time.After(vanishing):
		}
		if _, err := h.LinkByIndex(l.Attrs().Index); errors.As(err, &netlink.LinkNotFoundError{}) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
