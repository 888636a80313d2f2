//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// drain is how long output may still come once the command has ended: a child
// it left behind may hold the terminal for ever.
const drain = 200 * time.Millisecond

// terminal is a pty pair of the container's own devpts, so that tty(1) and
// ttyname(3) work inside.
type terminal struct {
	ours   *os.File // ptmx
	theirs *os.File // pts
}

func (t terminal) close() {
	t.ours.Close()
	t.theirs.Close()
}

func (r *Runtime) terminal(name string) (terminal, error) {
	l, err := r.live(name)
	if err != nil {
		return terminal{}, err
	}
	defer l.close()
	devpts, err := l.DevptsFd()
	if err != nil {
		return terminal{}, fmt.Errorf("open devpts: %w", err)
	}
	defer devpts.Close()
	root, err := l.init.root()
	if err != nil {
		return terminal{}, err
	}
	return openTerminal(devpts, root)
}

// openTerminal takes a new pair from devpts. The other end comes by an ioctl,
// not by a path.
func openTerminal(devpts *os.File, root uint32) (terminal, error) {
	fd, err := unix.Openat(int(devpts.Fd()), "ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return terminal{}, fmt.Errorf("open ptmx: %w", err)
	}
	ours := os.NewFile(uintptr(fd), "ptmx")
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		ours.Close()
		return terminal{}, fmt.Errorf("unlock terminal: %w", err)
	}
	peer, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		ours.Close()
		return terminal{}, fmt.Errorf("open terminal: %w", errno)
	}
	t := terminal{ours, os.NewFile(peer, "pts")}
	if err := unix.Fchown(int(peer), int(root), -1); err != nil {
		t.close()
		return terminal{}, fmt.Errorf("give terminal to the container: %w", err)
	}
	return t, nil
}

func (r *Runtime) runTTY(ctx context.Context, name string, c Command) (int, error) {
	t, err := r.terminal(name)
	if err != nil {
		return 0, err
	}
	defer t.close()
	restore, err := takeOver(c.Stdin, t.ours)
	if err != nil {
		return 0, err
	}
	defer restore()
	copied := t.relay(c.Stdin, c.Stdout)
	c.Stdin, c.Stdout, c.Stderr = t.theirs, t.theirs, t.theirs
	exit, err := r.attach(ctx, name, c)
	t.theirs.Close() // now the last close inside ends the output
	t.ours.SetReadDeadline(time.Now().Add(drain))
	copied.Wait()
	return exit, err
}

// relay copies what is typed to the container and what it prints to out. The
// group is done when the output is; typing has no end of its own.
func (t terminal) relay(in, out *os.File) *sync.WaitGroup {
	go func() {
		if in != nil {
			io.Copy(t.ours, in)
		}
		t.ours.Write([]byte{4}) // end of a pipe or file: what ^D sends
	}()
	var copied sync.WaitGroup
	copied.Go(func() {
		var to io.Writer = io.Discard
		if out != nil {
			to = out
		}
		io.Copy(to, t.ours) // ends with EIO when nobody has the other end
	})
	return &copied
}

// takeOver puts a real terminal into raw mode and keeps its size and the
// container's the same, until the function it returns is called.
func takeOver(in, ptmx *os.File) (restore func(), err error) {
	if in == nil || !term.IsTerminal(int(in.Fd())) {
		return func() {}, nil
	}
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("set terminal to raw mode: %w", err)
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	resized <- unix.SIGWINCH // for the size it has now
	go func() {
		for range resized {
			copySize(in, ptmx)
		}
	}()
	return func() {
		signal.Stop(resized)
		close(resized)
		term.Restore(int(in.Fd()), before)
	}, nil
}

func copySize(from, to *os.File) error {
	size, err := unix.IoctlGetWinsize(int(from.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return err
	}
	conn, err := to.SyscallConn() // Fd would make it blocking
	if err != nil {
		return err
	}
	return errors.Join(conn.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size)
	}), err)
}
