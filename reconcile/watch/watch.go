// Package watch waits for what the kernel tells: changed files, ended
// processes, netlink's multicasts. Nothing is asked again and again, and who waits
// takes no thread: each descriptor waits in the runtime's own poller. It knows
// no container.
package watch

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Exit calls told when the process of a pidfd has ended, if that is before ctx.
// The descriptor is closed at the end, whatever it is.
func Exit(ctx context.Context, pidfd *os.File, told func()) error {
	if err := unix.SetNonblock(int(pidfd.Fd()), true); err != nil {
		pidfd.Close()
		return fmt.Errorf("watch process: %w", err)
	}
	// Another file for the same descriptor: os puts only those into the poller
	// that do not block when it gets to know them.
	fd, err := unix.FcntlInt(pidfd.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	pidfd.Close()
	if err != nil {
		return fmt.Errorf("watch process: %w", err)
	}
	f := os.NewFile(uintptr(fd), "pidfd")
	conn, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return fmt.Errorf("watch process: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { f.Close() })
	go func() {
		defer f.Close()
		defer stop()
		if conn.Read(ended) == nil && ctx.Err() == nil {
			told()
		}
	}()
	return nil
}

// ended says whether the descriptor is readable, which a pidfd is from the
// process's end on. There is nothing to read from it.
func ended(fd uintptr) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(p, 0)
	return err != nil && err != unix.EINTR || n > 0
}
