package filter

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// marker is at the end of every frame that a test sends.
const marker = "strake-test-frame-"

// wire is a raw socket on eth0 of a namespace.
type wire struct{ fd int }

// newWire opens the socket inside: it stays there when the thread goes back.
func newWire(t *testing.T, pid int) wire {
	t.Helper()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	check(t, err)
	defer home.Close()
	there, err := os.Open("/proc/" + strconv.Itoa(pid) + "/ns/net")
	check(t, err)
	defer there.Close()
	check(t, unix.Setns(int(there.Fd()), unix.CLONE_NEWNET))
	defer func() {
		check(t, unix.Setns(int(home.Fd()), unix.CLONE_NEWNET))
		runtime.UnlockOSThread()
	}()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0x0300) // ETH_P_ALL in network order
	check(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	link, err := net.InterfaceByName("eth0")
	check(t, err)
	check(t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: 0x0300, Ifindex: link.Index}))
	return wire{fd}
}

func (w wire) send(t *testing.T, frame []byte) {
	t.Helper()
	_, err := unix.Write(w.fd, frame)
	check(t, err)
}

// receives says whether a frame like that arrives in time.
func (w wire) receives(t *testing.T, most time.Duration, like func([]byte) bool) bool {
	t.Helper()
	buf := make([]byte, 4096)
	tv := unix.Timeval{Usec: 50_000}
	check(t, unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
	for deadline := time.Now().Add(most); time.Now().Before(deadline); {
		n, from, err := unix.Recvfrom(w.fd, buf, 0)
		if err != nil {
			continue
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if sent := ok && ll.Pkttype == unix.PACKET_OUTGOING; !sent && like(buf[:n]) {
			return true
		}
	}
	return false
}

// got says whether a frame that ends in mark arrives before one that ends in
// last, which is sent after it by the same way.
func (w wire) got(t *testing.T, mark, last string) bool {
	t.Helper()
	seen := false
	end := w.receives(t, 3*time.Second, func(b []byte) bool {
		seen = seen || bytes.HasSuffix(b, []byte(marker+mark))
		return bytes.HasSuffix(b, []byte(marker+last))
	})
	if !end {
		t.Fatal("the frame that may pass did not arrive")
	}
	return seen
}

func mac(s string) []byte {
	hw, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return hw
}

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func join2(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func ether(dst, src string, kind uint16, payload ...[]byte) []byte {
	return join2(mac(dst), mac(src), binary.BigEndian.AppendUint16(nil, kind), join2(payload...))
}

func arp(op uint16, sha, spa, tha, tpa string) []byte {
	head := []byte{0, 1, 8, 0, 6, 4, byte(op >> 8), byte(op)}
	return join2(head, mac(sha), ip(spa), mac(tha), ip(tpa))
}

// sum is the checksum of the internet protocols.
func sum(b []byte) []byte {
	var s uint32
	if len(b)%2 == 1 {
		b = append(bytes.Clone(b), 0)
	}
	for i := 0; i < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return binary.BigEndian.AppendUint16(nil, ^uint16(s))
}

func ip4(src, dst string, proto byte, payload []byte) []byte {
	h := join2([]byte{0x45, 0}, binary.BigEndian.AppendUint16(nil, uint16(20+len(payload))), []byte{0, 1, 0, 0, 64, proto, 0, 0}, ip(src), ip(dst))
	copy(h[10:], sum(h))
	return join2(h, payload)
}

func udp(sport, dport uint16, payload []byte) []byte {
	var b []byte
	for _, v := range []uint16{sport, dport, uint16(8 + len(payload)), 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return join2(b, payload)
}

func ip6(src, dst string, next, hops byte, payload []byte) []byte {
	size := binary.BigEndian.AppendUint16(nil, uint16(len(payload)))
	return join2([]byte{0x60, 0, 0, 0}, size, []byte{next, hops}, ip(src), ip(dst), payload)
}

// icmp6 is a message with a good checksum: connection tracking drops others.
func icmp6(src, dst string, kind byte, body ...[]byte) []byte {
	m := join2([]byte{kind, 0, 0, 0}, join2(body...))
	pseudo := join2(ip(src), ip(dst), []byte{0, 0, byte(len(m) >> 8), byte(len(m)), 0, 0, 0, 58}, m)
	copy(m[2:], sum(pseudo))
	return m
}
