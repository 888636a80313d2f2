package filter

import (
	"net"
	"strings"
	"testing"
	"time"

	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

const (
	macA, macB = "02:00:00:00:01:02", "02:00:00:00:01:03"
	ipA, ipB   = "10.231.0.2", "10.231.0.3"
	ip6A, ip6B = "fd42:1::2", "fd42:1::3"
)

// newWire opens a socket on eth0 of a namespace.
func newWire(t *testing.T, pid int) wire.Wire {
	t.Helper()
	w, err := wire.Open(pid, "eth0")
	check(t, err)
	t.Cleanup(w.Close)
	return w
}

// scene is the first two of a lan, and the host that the first one would like
// to be.
func scene() wire.Scene {
	return wire.Scene{
		Sender: wire.Station{MAC: macA, IPv4: ipA, IPv6: ip6A}, Target: wire.Station{MAC: macB, IPv4: ipB, IPv6: ip6B},
		Other:      wire.Station{MAC: "02:b0:00:00:00:01", IPv4: "10.231.0.1", IPv6: "fd42:1::1"},
		IPv4Prefix: "10.231.0.", IPv6Prefix: "fd42:1::",
	}
}

// Every frame, against every filter: what is forged is dropped by the filter
// that is there for it and by no other, and what is honest passes.
func TestFrames(t *testing.T) {
	// With br_netfilter the kernel cuts a frame to its IP length, marker and all.
	for _, s := range []string{"iptables", "ip6tables", "arptables"} {
		run(t, "sysctl", "-q", "-w", "net.bridge.bridge-nf-call-"+s+"=0")
	}
	l := newLAN(t, 1, 2)
	a, b := newWire(t, l.pids[0]), newWire(t, l.pids[1])
	f := opened(t)
	for name, change := range map[string]func(*resource.NIC){
		"none":         func(n *resource.NIC) { n.Filter = resource.Filter{} },
		"mac":          func(n *resource.NIC) { n.Filter = resource.Filter{MAC: true} },
		"ipv4":         func(n *resource.NIC) { n.Filter = resource.Filter{IPv4: true} },
		"ipv6":         func(n *resource.NIC) { n.Filter = resource.Filter{IPv6: true} },
		"all":          func(*resource.NIC) {},
		"without ipv4": func(n *resource.NIC) { n.IPv4 = "" },
		"without ipv6": func(n *resource.NIC) { n.IPv6 = "" },
	} {
		t.Run(name, func(t *testing.T) {
			g := l.guard()
			change(&g.NICs[0])
			check(t, f.Set(t.Context(), g))
			last := scene().Last(g.NICs[0])
			for _, fr := range scene().Frames() {
				mark := strings.ReplaceAll(name+"/"+fr.Name, " ", "-")
				check(t, a.Send(wire.Marked(fr.Bytes, mark)))
				check(t, a.Send(wire.Marked(last, "last-"+mark)))
				got, err := b.Hears(mark, "last-"+mark)
				check(t, err)
				if want := fr.Passes(g.NICs[0]); got != want {
					t.Errorf("%s: passed %v, want %v", fr.Name, got, want)
				}
			}
		})
	}
}

// A frame to 01:80:c2:00:00:0e is taken by the bridge's port and handed to
// the host as if it came from the veth: past the guard, and past every rule
// that goes by the bridge's name.
func TestConsumedFramesDoNotReachTheHost(t *testing.T) {
	l := newLAN(t, 1, 1)
	f := opened(t)
	a := newWire(t, l.pids[0])
	heard := func(group string) bool {
		t.Helper()
		c, err := net.ListenPacket("udp4", "10.231.0.1:7777")
		check(t, err)
		defer c.Close()
		check(t, a.Send(wire.Ether(group, macA, wire.IPv4, wire.Packet4(ipA, "10.231.0.1", 17, wire.UDP(9, 7777, []byte("x"))))))
		check(t, c.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		_, _, err = c.ReadFrom(make([]byte, 10))
		return err == nil
	}
	for _, group := range consumed() {
		if !heard(group) {
			t.Errorf("%s is not heard without a guard: this test can't tell anything", group)
		}
	}
	g := l.guard()
	for _, filter := range []resource.Filter{all(), {}} {
		g.NICs[0].Filter = filter
		check(t, f.Set(t.Context(), g))
		for _, group := range consumed() {
			if heard(group) {
				t.Errorf("%s is heard with %+v", group, filter)
			}
		}
	}
}

// consumed are groups whose frames a bridge's port takes for itself, by either
// of the kernel's two ways.
func consumed() []string { return []string{"01:80:c2:00:00:03", "01:80:c2:00:00:0e"} }

// The same for ARP: the host would answer, and remember who asked.
func TestConsumedARPDoesNotReachTheHost(t *testing.T) {
	l := newLAN(t, 1, 1)
	f := opened(t)
	a := newWire(t, l.pids[0])
	answered := func(group string) bool {
		t.Helper()
		check(t, a.Send(wire.Ether(group, macA, wire.ARP, wire.AskARP(1, macA, ipA, "00:00:00:00:00:00", "10.231.0.1"))))
		return a.Receives(300*time.Millisecond, func(b []byte) bool {
			return len(b) >= 32 && b[12] == 8 && b[13] == 6 && b[21] == 2 && net.IP(b[28:32]).String() == "10.231.0.1"
		})
	}
	for _, group := range consumed() {
		if !answered(group) {
			t.Errorf("%s is not answered without a guard: this test can't tell anything", group)
		}
	}
	g := l.guard()
	for _, filter := range []resource.Filter{all(), {}} {
		g.NICs[0].Filter = filter
		check(t, f.Set(t.Context(), g))
		for _, group := range consumed() {
			if answered(group) {
				t.Errorf("%s is answered with %+v", group, filter)
			}
		}
	}
}
