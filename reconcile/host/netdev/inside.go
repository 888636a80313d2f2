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

// inside runs f with a handle on the network namespace of pid.
func inside(ctx context.Context, pid int, f func(*netlink.Handle) error) error {
	h, err := enter(ctx, pid)
	if err != nil {
		return err
	}
	defer h.Close()
	return f(h)
}

// enter opens a handle on the network namespace of pid. Only the socket is made
// there (NewHandleAt switches one locked thread and back), so any number of
// goroutines can do it at a time.
func enter(ctx context.Context, pid int) (*netlink.Handle, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ns, err := netns.GetFromPid(pid)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return nil, fmt.Errorf("network namespace of process %d: %w", pid, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("network namespace of process %d: %w", pid, err)
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("enter network namespace of process %d: %w", pid, err)
	}
	return h, nil
}
