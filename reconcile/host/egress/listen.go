package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strake/reconcile/thread"

	"golang.org/x/sys/unix"
)

// Listener is a socket inside a network namespace. With the init that it was
// opened for it knows its end.
type Listener struct {
	*net.TCPListener
	init *os.File // pidfd; nil: not known
}

// ErrOwnNamespace is a process that lives in the host's own network namespace:
// a socket there would be open to others.
var ErrOwnNamespace = errors.New("shares the host's network namespace")

// Listen opens a socket in the network namespace of a process, the init of a
// container: "127.0.0.1:3128".
func Listen(pid int, address string) (*Listener, error) {
	var l net.Listener
	init, err := Inside(pid, func() (err error) {
		// One address without names, so the socket is made by this thread.
		l, err = Plain().Listen(context.Background(), "tcp", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen at %s of process %d: %w", address, pid, err)
	}
	return &Listener{l.(*net.TCPListener), init}, nil
}

// Plain listens by TCP alone: several paths at once are nothing to a proxy next
// door, and cost each connection something.
func Plain() *net.ListenConfig {
	c := new(net.ListenConfig)
	c.SetMultipathTCP(false)
	return c
}

// Inside has a thread in the network namespace of a process run f. The
// namespace's loopback interface is set up where it is down. What comes back is
// a pidfd of the process.
func Inside(pid int, f func() error) (*os.File, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	init := os.NewFile(uintptr(fd), "pidfd")
	space, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err == nil {
		defer space.Close()
		// The number may have gone to another process between the two: then the
		// first one is gone by now.
		err = unix.PidfdSendSignal(fd, 0, nil, 0)
	}
	if err == nil {
		err = insideOf(space, f)
	}
	if err != nil {
		init.Close()
		return nil, err
	}
	return init, nil
}

func insideOf(space *os.File, f func() error) error {
	if own, err := sameFile(space, "/proc/self/ns/net"); err != nil || own {
		return errors.Join(err, ErrOwnNamespace)
	}
	done := make(chan error, 1)
	go thread.Apart(func() {
		err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET)
		if err != nil {
			err = fmt.Errorf("enter network namespace: %w", err)
		} else if err = loopbackUp(); err == nil {
			err = f()
		}
		done <- err
	})
	return <-done
}

// Copy is the same socket by another descriptor.
func Copy(l *net.TCPListener) (*Listener, error) {
	f, err := l.File()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return &Listener{TCPListener: c.(*net.TCPListener)}, nil
}

func sameFile(f *os.File, path string) (bool, error) {
	var a, b unix.Stat_t
	if err := errors.Join(unix.Fstat(int(f.Fd()), &a), unix.Stat(path, &b)); err != nil {
		return false, err
	}
	return a.Dev == b.Dev && a.Ino == b.Ino, nil
}

// loopbackUp sets the loopback interface up: until then it has no 127.0.0.1,
// and in a namespace without any other interface nobody has done it.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, r); err != nil {
		return fmt.Errorf("look at loopback interface: %w", err)
	}
	if r.Uint16()&unix.IFF_UP != 0 {
		return nil
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("set loopback interface up: %w", err)
	}
	return nil
}

// Close closes the socket.
func (l *Listener) Close() error {
	if l.init != nil {
		l.init.Close()
	}
	return l.TCPListener.Close()
}

// watch closes the listener when its init has ended: an open socket would keep
// the whole namespace, with its interfaces. It waits in the runtime's poller.
func (l *Listener) watch(gone func()) {
	if l.init == nil {
		return
	}
	raw, err := l.init.SyscallConn()
	if err != nil {
		return
	}
	go func() {
		ended := false
		// A pidfd is readable once the process has ended, and not before.
		_ = raw.Read(func(fd uintptr) bool {
			p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(p, 0)
			ended = n > 0
			return ended || err != nil && !errors.Is(err, unix.EINTR)
		})
		if ended {
			gone()
		}
	}()
}
