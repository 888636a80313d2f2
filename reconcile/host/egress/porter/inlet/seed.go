// Package inlet leads ports of the host into the network namespaces of
// containers, by a process that may enter none of them. A socket is in the
// namespace that it was made in, for good; so whoever may enter plants two there,
// and of these come as many as are needed.
package inlet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/egress"
)

// Seeds are sockets in a network namespace. One listens, for the moment that it
// takes the other to connect to it: what it accepts is a third one in the same
// namespace. Disconnected (connect(2), AF_UNSPEC) that one is as good as new.
// They keep the namespace, so whoever has them has to hear of its init's end.
type Seeds struct {
	mu    sync.Mutex
	pairs []pair // one of each family that the kernel has
}

type pair struct{ listens, connects int }

// Plant makes them in the namespace of a process.
func Plant(init int) (*Seeds, error) {
	s := new(Seeds)
	file, err := egress.Inside(init, func() error {
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			p, err := newPair(family)
			if errors.Is(err, unix.EAFNOSUPPORT) && family == unix.AF_INET6 {
				return nil
			}
			if err != nil {
				return err
			}
			s.pairs = append(s.pairs, p)
		}
		return nil
	})
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("open sockets in the namespace of process %d: %w", init, err)
	}
	file.Close()
	return s, nil
}

func newPair(family int) (pair, error) {
	const kind = unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	a, err := unix.Socket(family, kind, 0)
	if err != nil {
		return pair{}, err
	}
	b, err := unix.Socket(family, kind, 0)
	if err != nil {
		_ = unix.Close(a)
		return pair{}, err
	}
	return pair{a, b}, nil
}

// Sockets are all of them, to be handed over.
func (s *Seeds) Sockets() []int {
	var list []int
	for _, p := range s.pairs {
		list = append(list, p.listens, p.connects)
	}
	return list
}

// Sown are those that were handed over.
func Sown(sockets []int) *Seeds {
	s := new(Seeds)
	for i := 0; i+1 < len(sockets); i += 2 {
		s.pairs = append(s.pairs, pair{sockets[i], sockets[i+1]})
	}
	return s
}

// Close lets go of the namespace.
func (s *Seeds) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pairs {
		_ = unix.Close(p.listens)
		_ = unix.Close(p.connects)
	}
	s.pairs = nil
}

// loopbacks are the addresses in the order of the pairs.
var loopbacks = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

var errGone = errors.New("container has stopped")

// Dial connects to a port of the namespace's loopback interface, by IPv6 where
// nobody listens by IPv4.
func (s *Seeds) Dial(ctx context.Context, port int) (*net.TCPConn, error) {
	err := errGone
	for i, loopback := range loopbacks {
		fd, missing := s.grow(i)
		if missing != nil {
			return nil, errors.Join(err, missing)
		}
		var c *net.TCPConn
		if c, err = connect(ctx, fd, netip.AddrPortFrom(loopback, uint16(port))); !errors.Is(err, unix.ECONNREFUSED) {
			return c, err
		}
	}
	return nil, err
}

// grow makes a socket of a family.
func (s *Seeds) grow(family int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if family >= len(s.pairs) {
		return -1, errGone
	}
	p := s.pairs[family]
	defer disconnect(p.listens)
	defer disconnect(p.connects)
	if err := unix.Bind(p.listens, address(netip.AddrPortFrom(loopbacks[family], 0))); err != nil {
		return -1, fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(p.listens, 1); err != nil {
		return -1, fmt.Errorf("listen: %w", err)
	}
	at, err := unix.Getsockname(p.listens)
	if err != nil {
		return -1, err
	}
	if err := unix.Connect(p.connects, at); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return -1, fmt.Errorf("connect: %w", err)
	}
	fd, err := accept(p.listens)
	if err != nil {
		return -1, err
	}
	return fd, disconnect(fd)
}

// growTime is more than the loopback interface ever takes. Only the container's
// own root can have it take longer.
const growTime = time.Second

// accept waits in a thread: one of each container at most, and hardly ever.
func accept(listens int) (int, error) {
	for {
		fd, _, err := unix.Accept4(listens, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(listens), Events: unix.POLLIN}}, int(growTime.Milliseconds()))
		if err == nil && n == 0 {
			return -1, os.ErrDeadlineExceeded
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return -1, err
		}
	}
}

// disconnect makes a socket as it was at first. The kernel looks at nothing but
// the family.
func disconnect(fd int) error {
	var none unix.RawSockaddr // AF_UNSPEC
	return connectRaw(fd, &none)
}

func address(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// connect waits in the runtime's poller.
func connect(ctx context.Context, fd int, to netip.AddrPort) (*net.TCPConn, error) {
	begun := unix.Connect(fd, address(to))
	f := os.NewFile(uintptr(fd), to.String()) // it has the descriptor from here on
	defer f.Close()
	if begun != nil && !errors.Is(begun, unix.EINPROGRESS) {
		return nil, begun
	}
	if begun != nil {
		if err := connected(ctx, f); err != nil {
			return nil, err
		}
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

func connected(ctx context.Context, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	if until, ok := ctx.Deadline(); ok {
		if err := f.SetWriteDeadline(until); err != nil {
			return err
		}
	}
	var result error
	waited := raw.Write(func(fd uintptr) bool {
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || n != 0 {
			result = errors.Join(err, syscall.Errno(n))
			return true
		}
		_, err = unix.Getpeername(int(fd))
		return err == nil // else it is still on its way
	})
	return errors.Join(waited, result)
}
