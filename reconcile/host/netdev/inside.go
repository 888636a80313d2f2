package netdev

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// inside runs f with a handle on the network namespace of pid. Only the
// socket is made there (NewHandleAt switches one locked thread and back), so
// any number of goroutines can do it at a time.
func inside(ctx context.Context, pid int, f func(*netlink.Handle) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ns, err := netns.GetFromPid(pid)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("network namespace of process %d: %w", pid, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("network namespace of process %d: %w", pid, err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("enter network namespace of process %d: %w", pid, err)
	}
	defer h.Close()
	return f(h)
}
