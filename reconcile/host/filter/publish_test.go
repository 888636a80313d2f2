package filter

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// in runs f in the network namespace of pid. Sockets stay there.
func in(t *testing.T, pid int, f func() error) error {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	check(t, err)
	defer home.Close()
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
	check(t, err)
	defer ns.Close()
	check(t, unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET))
	err = f()
	check(t, unix.Setns(int(home.Fd()), unix.CLONE_NEWNET))
	return err
}

// mirror tells each client of a port in pid's namespace which address it has.
func mirror(t *testing.T, pid int, family, address string) {
	t.Helper()
	var l net.Listener
	check(t, in(t, pid, func() (err error) { l, err = net.Listen("tcp"+family, address); return err }))
	var p net.PacketConn
	check(t, in(t, pid, func() (err error) { p, err = net.ListenPacket("udp"+family, address); return err }))
	t.Cleanup(func() { l.Close(); p.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, c.RemoteAddr().(*net.TCPAddr).IP)
			c.Close()
		}
	}()
	go func() {
		b := make([]byte, 10)
		for {
			_, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = p.WriteTo([]byte(from.(*net.UDPAddr).IP.String()), from)
		}
	}()
}

// mirrored is the address that the other end sees; "" when nobody answers.
func mirrored(t *testing.T, pid int, protocol, address string) string {
	t.Helper()
	var c net.Conn
	err := in(t, pid, func() (err error) { c, err = net.DialTimeout(protocol, address, 600*time.Millisecond); return err })
	if err != nil {
		return ""
	}
	defer c.Close()
	check(t, c.SetDeadline(time.Now().Add(600*time.Millisecond)))
	if protocol == "udp" {
		fmt.Fprint(c, "who")
		b := make([]byte, 64)
		n, _ := c.Read(b)
		return string(b[:n])
	}
	text, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return ""
	}
	return string(text)
}

// TestPublish: a port of the host leads to the container from everywhere but
// the loopback net and closed networks, with the address of the client.
func TestPublish(t *testing.T) {
	l, other := newLAN(t, 1, 2), newLAN(t, 2, 1)
	world, host := outside(t), os.Getpid()
	a, b, c := l.pids[0], l.pids[1], other.pids[0]
	f := opened(t)
	mirror(t, a, "4", ":80")
	mirror(t, a, "6", ":80")
	bridged(t, "0")
	g := l.guard()
	g.NICs = append(g.NICs, other.nics...)
	g.Networks = append(g.Networks, other.net)
	cases := []struct {
		what     string
		from     int
		protocol string
		to, seen string
	}{
		{"from outside", world, "tcp", "192.0.2.1:8080", "192.0.2.2"},
		{"from outside, ipv6", world, "tcp", "[2001:db8::1]:8080", "2001:db8::2"},
		{"from outside, udp", world, "udp", "192.0.2.1:8080", "192.0.2.2"},
		{"from outside, udp and ipv6", world, "udp", "[2001:db8::1]:8080", "2001:db8::2"},
		{"from outside, another port", world, "tcp", "192.0.2.1:8081", ""},
		{"from outside, to the container itself", world, "tcp", ipA + ":80", ""},
		{"from the host", host, "tcp", "192.0.2.1:8080", "192.0.2.1"},
		{"from the host, ipv6", host, "tcp", "[2001:db8::1]:8080", "2001:db8::1"},
		{"from the host's loopback", host, "tcp", "127.0.0.1:8080", ""},
		{"from the host's loopback, ipv6", host, "tcp", "[::1]:8080", ""},
		{"from the next container", b, "tcp", "192.0.2.1:8080", "10.231.0.1"},
		{"from the next container, by the bridge", b, "tcp", "[fd42:1::1]:8080", "fd42:1::1"},
		{"from the container itself", a, "tcp", "192.0.2.1:8080", "10.231.0.1"},
		{"from another network", c, "tcp", "192.0.2.1:8080", ""},
	}
	for _, published := range []bool{false, true, false} {
		g.NICs[0].Publish = nil
		if published {
			g.NICs[0].Publish = []resource.Publish{{Port: 8080, To: 80, Protocol: "both"}}
		}
		check(t, f.Set(t.Context(), g))
		seen, err := f.Observe(t.Context())
		check(t, err)
		if !seen.Intact || !slices.Equal(seen.Forwards, inOrder(g.NICs[0].Forwards())) {
			t.Errorf("seen %+v, %v", seen.Forwards, seen.Missing)
		}
		for _, c := range cases {
			expected := c.seen
			if !published {
				expected = ""
			}
			if got := mirrored(t, c.from, c.protocol, c.to); got != expected {
				t.Errorf("%s, published %v: the container sees %q, want %q", c.what, published, got, expected)
			}
		}
	}
}

// inOrder is by family, then by protocol.
func inOrder(list []resource.Forward) []resource.Forward {
	slices.SortFunc(list, func(a, b resource.Forward) int {
		return cmp.Or(cmp.Compare(strings.Count(a.Address, ":"), strings.Count(b.Address, ":")), cmp.Compare(a.Protocol, b.Protocol))
	})
	return list
}
