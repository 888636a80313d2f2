package netdev

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"strake/reconcile/thread"
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

// with6 gives an interface inside its addresses by f, also where somebody there has
// switched IPv6 off, for all that come or for this one: the kernel takes away what
// it has, and takes no new ones (EACCES).
func with6(pid int, name string, f func() error) error {
	err := f()
	if !errors.Is(err, unix.EACCES) {
		return err
	}
	if err := set(pid, setting{disabled6(name), "0"}); err != nil {
		return err
	}
	return f()
}

// set changes a setting of the network namespace of pid: /proc/sys/net is that of
// whoever opens it.
func set(pid int, s setting) error {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return fmt.Errorf("network namespace of process %d: %w", pid, err)
	}
	defer ns.Close()
	done := make(chan error, 1)
	go thread.Apart(func() {
		if err := unix.Setns(int(ns), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter network namespace of process %d: %w", pid, err)
			return
		}
		done <- s.ensure()
	})
	return <-done
}
