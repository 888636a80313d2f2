package filter

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"strake/reconcile/host/hosttest/wire"
)

// serve listens on a TCP port of the host.
func serve(t *testing.T, address string) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
}

func ping(t *testing.T, pid int, to string) bool {
	return try(t, pid, "ping", "-c1", "-W0.4", to)
}

func connects(t *testing.T, pid int, to, port string) bool {
	return try(t, pid, "timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/"+to+"/"+port)
}

// arrives says whether a datagram gets as far as the other end's interface:
// an answer may be stopped where the question was not. The mark is one of its
// own, because refusals quote what they refuse.
func arrives(t *testing.T, from int, to wire.Wire, address string) bool {
	t.Helper()
	mark := fmt.Sprint("strake-test-", from, "-", time.Now().UnixNano())
	try(t, from, "bash", "-c", "echo "+mark+" > /dev/udp/"+address+"/9")
	return to.Receives(300*time.Millisecond, func(b []byte) bool { return bytes.Contains(b, []byte(mark)) })
}

func want(t *testing.T, what string, got, want bool) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// bridged switches br_netfilter: with it, bridged packets pass the host's own
// chains too.
func bridged(t *testing.T, value string) {
	for _, s := range []string{"iptables", "ip6tables"} {
		run(t, "sysctl", "-q", "-w", "net.bridge.bridge-nf-call-"+s+"="+value)
	}
}

func TestHostIsClosedButForPing(t *testing.T) {
	l := newLAN(t, 1, 1)
	f := opened(t)
	serve(t, "10.231.0.1:8080")
	serve(t, "[fd42:1::1]:8080")
	bare := connects(t, l.pids[0], "10.231.0.1", "8080") && connects(t, l.pids[0], "fd42:1::1", "8080")
	want(t, "tcp without a guard", bare, true)
	for _, access := range []bool{false, true} {
		g := l.guard()
		g.Networks[0].HostAccess = access
		check(t, f.Set(t.Context(), g))
		for _, host := range []string{"10.231.0.1", "fd42:1::1"} {
			want(t, "ping "+host, ping(t, l.pids[0], host), true)
			want(t, "tcp "+host, connects(t, l.pids[0], host, "8080"), access)
		}
		run(t, "ping", "-c1", "-W1", ipA)
		run(t, "ping", "-c1", "-W1", ip6A)
	}
}

// Where names are served the host answers for them, at the bridge's own
// addresses and nowhere else.
func TestNamesAreAskedAtTheBridge(t *testing.T) {
	l, other := newLAN(t, 1, 1), newLAN(t, 2, 1)
	f := opened(t)
	for _, at := range []string{"10.231.0.1", "[fd42:1::1]", "10.232.0.1"} {
		serve(t, at+":53")
	}
	for _, served := range []bool{false, true} {
		g := l.guard()
		g.Networks[0].DNS = served
		g.Networks = append(g.Networks, other.net)
		g.NICs = append(g.NICs, other.nics...)
		check(t, f.Set(t.Context(), g))
		want(t, "ipv4", connects(t, l.pids[0], "10.231.0.1", "53"), served)
		want(t, "ipv6", connects(t, l.pids[0], "fd42:1::1", "53"), served)
		want(t, "another address of the host", connects(t, l.pids[0], "10.232.0.1", "53"), false)
		want(t, "from another network", connects(t, other.pids[0], "10.232.0.1", "53"), false)
	}
	check(t, f.Remove(t.Context()))
	want(t, "another address without a guard", connects(t, l.pids[0], "10.232.0.1", "53"), true)
}

func TestIsolatedContainersDoNotMeet(t *testing.T) {
	for _, netfilter := range []string{"0", "1"} {
		t.Run("br_netfilter "+netfilter, func(t *testing.T) {
			bridged(t, netfilter)
			l := newLAN(t, 1, 2)
			f := opened(t)
			run(t, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
			for _, isolate := range []bool{false, true} {
				g := l.guard()
				g.Networks[0].Isolate = isolate
				check(t, f.Set(t.Context(), g))
				want(t, "ipv4", ping(t, l.pids[0], ipB), !isolate)
				want(t, "ipv6", ping(t, l.pids[0], ip6B), !isolate)
				want(t, "host", ping(t, l.pids[0], "10.231.0.1"), true)
				run(t, "ping", "-c1", "-W1", ipB)
			}
			// By way of the host, as a router.
			for _, pid := range l.pids {
				if !try(t, pid, "ip", "addr", "flush", "dev", "eth0") {
					t.Fatal("can't flush")
				}
			}
			for i, pid := range l.pids {
				try(t, pid, "ip", "addr", "add", []string{ipA, ipB}[i]+"/32", "dev", "eth0")
				try(t, pid, "ip", "route", "add", "10.231.0.1", "dev", "eth0")
				try(t, pid, "ip", "route", "add", "default", "via", "10.231.0.1")
			}
			want(t, "by way of the host", ping(t, l.pids[0], ipB), false)
		})
	}
}

// outside is a place that only routing leads to: 192.0.2.2 and 2001:db8::2.
func outside(t *testing.T) (pid int) {
	t.Helper()
	pid = namespace(t)
	for _, line := range []string{
		"ip link add sttout type veth peer name eth0",
		"ip addr add 192.0.2.1/24 dev sttout",
		"ip addr add 2001:db8::1/64 dev sttout nodad",
	} {
		run(t, strings.Fields(line)...)
	}
	t.Cleanup(func() { run(t, "ip", "link", "del", "sttout") })
	run(t, "ip", "link", "set", "eth0", "netns", itoa(pid))
	run(t, "ip", "link", "set", "sttout", "up")
	for _, line := range []string{
		"ip addr add 192.0.2.2/24 dev eth0", "ip addr add 2001:db8::2/64 dev eth0 nodad", "ip link set eth0 up",
		"ip route add 10.231.0.0/16 via 192.0.2.1", "ip route add fd42:1::/64 via 2001:db8::1",
	} {
		if !try(t, pid, strings.Fields(line)...) {
			t.Fatal(line)
		}
	}
	run(t, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	return pid
}

func TestOnlyNATLeadsOut(t *testing.T) {
	for _, netfilter := range []string{"0", "1"} {
		t.Run("br_netfilter "+netfilter, func(t *testing.T) {
			bridged(t, netfilter)
			l, other := newLAN(t, 1, 1), newLAN(t, 2, 1)
			world := outside(t)
			far, near, beside := newWire(t, world), newWire(t, l.pids[0]), newWire(t, other.pids[0])
			f := opened(t)
			for _, nat := range []bool{true, false} {
				g := l.guard()
				g.Networks[0].NAT = nat
				other.net.NAT = nat
				g.Networks = append(g.Networks, other.net)
				g.NICs = append(g.NICs, other.nics...)
				check(t, f.Set(t.Context(), g))
				want(t, "out", ping(t, l.pids[0], "192.0.2.2"), nat)
				want(t, "out, ipv6", ping(t, l.pids[0], "2001:db8::2"), nat)
				want(t, "in", ping(t, world, ipA), false)
				want(t, "in, ipv6", ping(t, world, ip6A), false)
				want(t, "datagram out", arrives(t, l.pids[0], far, "192.0.2.2"), nat)
				want(t, "datagram out, ipv6", arrives(t, l.pids[0], far, "2001:db8::2"), nat)
				want(t, "datagram in", arrives(t, world, near, ipA), false)
				want(t, "datagram in, ipv6", arrives(t, world, near, ip6A), false)
				want(t, "datagram to the other network", arrives(t, l.pids[0], beside, "10.232.0.2"), false)
				want(t, "to the other network", ping(t, l.pids[0], "10.232.0.2"), false)
				want(t, "from the other network", ping(t, other.pids[0], ipA), false)
				want(t, "out of the other network", ping(t, other.pids[0], "192.0.2.2"), nat)
			}
		})
	}
}

// Outside sees the host's address, never the container's.
func TestMasquerade(t *testing.T) {
	l := newLAN(t, 1, 1)
	world := outside(t)
	if !try(t, world, "ip", "route", "del", "10.231.0.0/16") {
		t.Fatal("can't delete the way back")
	}
	f := opened(t)
	want(t, "out without a guard", ping(t, l.pids[0], "192.0.2.2"), false)
	g := l.guard()
	g.Networks[0].NAT = true
	check(t, f.Set(t.Context(), g))
	want(t, "out with NAT", ping(t, l.pids[0], "192.0.2.2"), true)
}

// A port that somebody else's rules publish stays published.
func TestPublishedPortPasses(t *testing.T) {
	l := newLAN(t, 1, 1)
	world := outside(t)
	run(t, "nft", "add table ip foreign; add chain ip foreign pre { type nat hook prerouting priority -100; }; "+
		"add rule ip foreign pre iifname sttout tcp dport 80 dnat to "+ipA+":8080")
	t.Cleanup(func() { run(t, "nft", "delete table ip foreign") })
	check(t, opened(t).Set(t.Context(), l.guard()))
	// Nobody listens inside: an answer of "refused" comes back at once.
	start := nowPlus()
	if connects(t, world, "192.0.2.1", "80") || start.late() {
		t.Error("the published port does not answer")
	}
}
