package filter

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"sync"
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

// patience is how long an answer may take that has to come: a busy machine is no
// closed door. What must not come is waited for as long as it would take on one that
// rests.
func patience(expected bool) string {
	if expected {
		return "5"
	}
	return "0.4"
}

// ping wants an answer, or none.
func ping(t *testing.T, what string, pid int, to string, expected bool) {
	t.Helper()
	want(t, what, try(t, pid, "ping", "-c1", "-W"+patience(expected), to), expected)
}

func connects(t *testing.T, what string, pid int, to, port string, expected bool) {
	t.Helper()
	want(t, what, try(t, pid, "timeout", patience(expected), "bash", "-c", "exec 3<>/dev/tcp/"+to+"/"+port), expected)
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

// atOnce asks several things together: most of it is waiting for what must not come.
func atOnce(ask ...func()) {
	var group sync.WaitGroup
	for _, f := range ask {
		group.Go(f)
	}
	group.Wait()
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
	for _, host := range []string{"10.231.0.1", "fd42:1::1"} {
		connects(t, "tcp without a guard to "+host, l.pids[0], host, "8080", true)
	}
	for _, access := range []bool{false, true} {
		g := l.guard()
		g.Networks[0].HostAccess = access
		check(t, f.Set(t.Context(), g))
		for _, host := range []string{"10.231.0.1", "fd42:1::1"} {
			atOnce(
				func() { ping(t, "ping "+host, l.pids[0], host, true) },
				func() { connects(t, "tcp "+host, l.pids[0], host, "8080", access) },
			)
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
		atOnce(
			func() { connects(t, "ipv4", l.pids[0], "10.231.0.1", "53", served) },
			func() { connects(t, "ipv6", l.pids[0], "fd42:1::1", "53", served) },
			func() { connects(t, "another address of the host", l.pids[0], "10.232.0.1", "53", false) },
			func() { connects(t, "from another network", other.pids[0], "10.232.0.1", "53", false) },
		)
	}
	check(t, f.Remove(t.Context()))
	connects(t, "another address without a guard", l.pids[0], "10.232.0.1", "53", true)
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
				atOnce(
					func() { ping(t, "ipv4", l.pids[0], ipB, !isolate) },
					func() { ping(t, "ipv6", l.pids[0], ip6B, !isolate) },
					func() { ping(t, "host", l.pids[0], "10.231.0.1", true) },
				)
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
			ping(t, "by way of the host", l.pids[0], ipB, false)
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
				atOnce(
					func() { ping(t, "out", l.pids[0], "192.0.2.2", nat) },
					func() { ping(t, "out, ipv6", l.pids[0], "2001:db8::2", nat) },
					func() { ping(t, "in", world, ipA, false) },
					func() { ping(t, "in, ipv6", world, ip6A, false) },
				)
				want(t, "datagram out", arrives(t, l.pids[0], far, "192.0.2.2"), nat)
				want(t, "datagram out, ipv6", arrives(t, l.pids[0], far, "2001:db8::2"), nat)
				want(t, "datagram in", arrives(t, world, near, ipA), false)
				want(t, "datagram in, ipv6", arrives(t, world, near, ip6A), false)
				want(t, "datagram to the other network", arrives(t, l.pids[0], beside, "10.232.0.2"), false)
				atOnce(
					func() { ping(t, "to the other network", l.pids[0], "10.232.0.2", false) },
					func() { ping(t, "from the other network", other.pids[0], ipA, false) },
					func() { ping(t, "out of the other network", other.pids[0], "192.0.2.2", nat) },
				)
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
	ping(t, "out without a guard", l.pids[0], "192.0.2.2", false)
	g := l.guard()
	g.Networks[0].NAT = true
	check(t, f.Set(t.Context(), g))
	ping(t, "out with NAT", l.pids[0], "192.0.2.2", true)
}

// A port that somebody else's rules publish stays published.
func TestPublishedPortPasses(t *testing.T) {
	l := newLAN(t, 1, 1)
	world := outside(t)
	run(t, "nft", "add table ip foreign; add chain ip foreign pre { type nat hook prerouting priority -100; }; "+
		"add rule ip foreign pre iifname sttout tcp dport 80 dnat to "+ipA+":8080")
	t.Cleanup(func() { run(t, "nft", "delete table ip foreign") })
	check(t, opened(t).Set(t.Context(), l.guard()))
	// Nobody listens inside: that is what the answer says.
	if !try(t, world, "timeout", patience(true), "bash", "-c", "(exec 3<>/dev/tcp/192.0.2.1/80) 2>&1 | grep -q refused") {
		t.Error("the published port does not answer")
	}
}
