package filter

import (
	"net"
	"strings"
	"testing"
	"time"

	"strake/reconcile/resource"
)

const (
	macA, macB   = "02:00:00:00:01:02", "02:00:00:00:01:03"
	ipA, ipB     = "10.231.0.2", "10.231.0.3"
	ip6A, ip6B   = "fd42:1::2", "fd42:1::3"
	localA       = "fe80::ff:fe00:102"
	localB       = "fe80::ff:fe00:103"
	all1, every  = "ff02::1", "ff:ff:ff:ff:ff:ff"
	alien        = "02:66:66:66:66:66"
	kind4, kind6 = 0x0800, 0x86dd
)

// Class says which filter stops a frame; what honest senders need has none.
type class int

const (
	honest class = iota
	byMAC        // any filter
	by4          // the ipv4 filter
	by6
)

type frame struct {
	name  string
	class class
	six   bool // belongs to IPv6, so is gone where that family is blocked
	bytes []byte
}

func four(src, dst string, proto byte, payload []byte) []byte {
	return ether(macB, macA, kind4, ip4(src, dst, proto, payload))
}

func six(src, dst string, next byte, payload []byte) []byte {
	return ether(macB, macA, kind6, ip6(src, dst, next, 255, payload))
}

func message(src, dst string, kind byte, body ...[]byte) []byte {
	return six(src, dst, 58, icmp6(src, dst, kind, body...))
}

// option is one of neighbour discovery, eight bytes long.
func option(kind byte, hw string) []byte { return join2([]byte{kind, 1}, mac(hw)) }

// hidden puts a message behind an extension header that says nothing.
func hidden(header byte, src, dst string, m []byte) []byte {
	return six(src, dst, header, join2([]byte{58, 0, 1, 4, 0, 0, 0, 0}, m))
}

// piece is a fragment: offset in bytes.
func piece(src, dst string, next byte, offset uint16, payload []byte) []byte {
	h := []byte{next, 0, byte(offset >> 8), byte(offset&0xf8) | 1, 0, 0, 0, 7}
	return six(src, dst, 44, join2(h, payload))
}

// patched is b with one byte changed.
func patched(b []byte, at int, to byte) []byte {
	b[at] = to
	return b
}

func frames() []frame {
	text, none := []byte("hello"), []byte{0, 0, 0, 0}
	advert := icmp6(localA, all1, 134, make([]byte, 12))
	stolen := icmp6(ip6B, all1, 136, []byte{0x20, 0, 0, 0}, ip(ip6B), option(2, macA))
	return []frame{
		{"own IPv4", honest, false, four(ipA, ipB, 17, udp(1, 2, text))},
		{"DHCP client", honest, false, ether(every, macA, kind4, ip4("0.0.0.0", "255.255.255.255", 17, udp(68, 67, text)))},
		{"ARP request", honest, false, ether(every, macA, 0x806, arp(1, macA, ipA, "00:00:00:00:00:00", ipB))},
		{"ARP reply", honest, false, ether(macB, macA, 0x806, arp(2, macA, ipA, macB, ipB))},
		{"ARP probe", honest, false, ether(every, macA, 0x806, arp(1, macA, "0.0.0.0", "00:00:00:00:00:00", ipA))},
		{"own IPv6", honest, true, six(ip6A, ip6B, 17, udp(1, 2, text))},
		{"own link-local", honest, true, six(localA, localB, 17, udp(1, 2, text))},
		{"DHCPv6 client", honest, true, six(localA, "ff02::1:2", 17, udp(546, 547, text))},
		{"echo request", honest, true, message(ip6A, ip6B, 128, none, text)},
		{"piece of a long echo request", honest, true, piece(ip6A, ip6B, 58, 1448, []byte{134, 134, 134, 134, 134, 134, 134, 134})},
		{"first piece of a long echo request", honest, true, piece(ip6A, ip6B, 58, 0, icmp6(ip6A, ip6B, 128, none, text))},
		{"duplicate address detection", honest, true, message("::", "ff02::1:ff00:2", 135, none, ip(ip6A))},
		{"the same for link-local, with nonce", honest, true, message("::", "ff02::1:ff00:102", 135, none, ip(localA), option(14, alien))},
		{"neighbour solicitation", honest, true, message(ip6A, "ff02::1:ff00:3", 135, none, ip(ip6B), option(1, macA))},
		{"neighbour advertisement", honest, true, message(ip6A, ip6B, 136, []byte{0x60, 0, 0, 0}, ip(ip6A), option(2, macA))},
		{"the same without option", honest, true, message(localA, ip6B, 136, []byte{0x40, 0, 0, 0}, ip(localA))},
		{"router solicitation from ::", honest, true, message("::", "ff02::2", 133, none)},
		{"router solicitation", honest, true, message(localA, "ff02::2", 133, none, option(1, macA))},
		{"multicast listener report", honest, true, six("::", "ff02::16", 0, join2([]byte{58, 0, 5, 2, 0, 0, 1, 0}, icmp6("::", "ff02::16", 143, none)))},
		{"the same from link-local", honest, true, six(localA, "ff02::16", 0, join2([]byte{58, 0, 5, 2, 0, 0, 1, 0}, icmp6(localA, "ff02::16", 143, none)))},

		{"foreign MAC", byMAC, false, ether(macB, alien, kind4, ip4(ipA, ipB, 17, udp(1, 2, text)))},
		{"foreign MAC, IPv6", byMAC, true, ether(macB, alien, kind6, ip6(ip6A, ip6B, 17, 64, udp(1, 2, text)))},
		{"foreign MAC in ARP", byMAC, false, ether(every, macA, 0x806, arp(1, alien, ipA, macB, ipB))},
		{"foreign MAC in front of ARP", byMAC, false, ether(every, alien, 0x806, arp(1, macA, ipA, macB, ipB))},
		{"foreign MAC in neighbour solicitation", byMAC, true, message(ip6A, ip6B, 135, none, ip(ip6B), option(1, alien))},
		{"foreign MAC in neighbour advertisement", byMAC, true, message(ip6A, ip6B, 136, none, ip(ip6A), option(2, alien))},
		{"foreign MAC in a second option", byMAC, true, message(ip6A, ip6B, 136, none, ip(ip6A), option(2, macA), option(2, alien))},
		{"foreign MAC in router solicitation", byMAC, true, message(localA, "ff02::2", 133, none, option(1, alien))},
		{"foreign MAC in its second option", byMAC, true, message(localA, "ff02::2", 133, none, option(1, macA), option(1, alien))},
		{"another option in router solicitation", byMAC, true, message(localA, "ff02::2", 133, none, option(2, macA))},
		{"another option in neighbour advertisement", byMAC, true, message(ip6A, ip6B, 136, none, ip(ip6A), option(25, macA))},
		{"ARP of odd length", byMAC, false, ether(every, macA, 0x806, []byte{0, 1, 8, 0, 8, 4, 0, 1}, make([]byte, 24))},
		{"ARP of another hardware", byMAC, false, ether(every, macA, 0x806, patched(arp(1, macA, ipA, macB, ipB), 1, 6))},
		{"ARP of another protocol", byMAC, false, ether(every, macA, 0x806, patched(arp(1, macA, ipA, macB, ipB), 2, 0x86))},
		{"ARP of longer hardware addresses", byMAC, false, ether(every, macA, 0x806, patched(arp(1, macA, ipA, macB, ipB), 4, 8))},
		{"ARP of longer addresses", byMAC, false, ether(every, macA, 0x806, patched(arp(1, macA, ipA, macB, ipB), 5, 16))},
		{"reverse ARP", byMAC, false, ether(every, macA, 0x8035, arp(3, macA, ipA, macA, ipA))},
		{"RARP operation", byMAC, false, ether(every, macA, 0x806, arp(4, macA, ipA, macA, ipA))},
		{"DHCP server", byMAC, false, four(ipA, ipB, 17, udp(67, 68, text))},
		{"DHCP server by another port", byMAC, false, four(ipA, "255.255.255.255", 17, udp(1067, 68, text))},
		{"DHCP server to another port", byMAC, false, four(ipA, ipB, 17, udp(67, 1068, text))},
		{"DHCPv6 server by another port", byMAC, true, six(localA, localB, 17, udp(1547, 546, text))},
		{"DHCPv6 server to another port", byMAC, true, six(localA, localB, 17, udp(547, 1546, text))},
		{"UDP behind hop-by-hop, like a listener report", byMAC, true, six(ip6A, ip6B, 0, join2([]byte{17, 0, 1, 4, 0, 0, 0, 0}, udp(143<<8, 2, text)))},
		{"report behind long hop-by-hop", byMAC, true, six(ip6A, ip6B, 0, join2([]byte{58, 1, 1, 12}, make([]byte, 4), []byte{143}, make([]byte, 7), advert))},
		{"DHCPv6 server", byMAC, true, six(localA, localB, 17, udp(547, 546, text))},
		{"router advertisement", byMAC, true, six(localA, all1, 58, advert)},
		{"redirect", byMAC, true, message(localA, ip6B, 137, none, ip(ip6A), ip(ip6B))},
		{"multicast listener query", byMAC, true, message(localA, all1, 130, none, make([]byte, 16))},
		{"router advertisement behind hop-by-hop", byMAC, true, hidden(0, localA, all1, advert)},
		{"router advertisement behind destination options", byMAC, true, hidden(60, localA, all1, advert)},
		{"router advertisement behind a routing header", byMAC, true, hidden(43, localA, all1, advert)},
		{"router advertisement in pieces", byMAC, true, piece(localA, all1, 58, 0, advert)},
		{"router advertisement in pieces behind options", byMAC, true, piece(localA, all1, 60, 0, join2([]byte{58, 0, 1, 4, 0, 0, 0, 0}, advert))},
		{"VLAN", byMAC, false, ether(macB, macA, 0x8100, []byte{0, 5, 8, 0}, ip4(ipA, ipB, 17, udp(1, 2, text)))},
		{"VLAN priority tag", byMAC, false, ether(macB, macA, 0x8100, []byte{0, 0, 8, 0}, ip4(ipA, ipB, 17, udp(1, 2, text)))},
		{"VLAN in VLAN", byMAC, false, ether(macB, macA, 0x88a8, []byte{0, 5, 0x81, 0, 0, 6, 8, 0}, ip4(ipA, ipB, 17, udp(1, 2, text)))},
		{"VLAN around a router advertisement", byMAC, true, ether(macB, macA, 0x8100, []byte{0, 5, 0x86, 0xdd}, ip6(localA, all1, 58, 255, advert))},
		{"length instead of a type", byMAC, false, ether(macB, macA, 40, []byte{0x42, 0x42, 3}, make([]byte, 37))},
		{"PPPoE", byMAC, false, ether(macB, macA, 0x8863, make([]byte, 40))},
		{"MPLS", byMAC, false, ether(macB, macA, 0x8847, make([]byte, 40))},
		{"experimental type", byMAC, false, ether(macB, macA, 0x88b5, make([]byte, 40))},

		{"foreign IPv4", by4, false, four("10.231.0.77", ipB, 17, udp(1, 2, text))},
		{"the host's IPv4", by4, false, four("10.231.0.1", ipB, 17, udp(1, 2, text))},
		{"no IPv4 address", by4, false, four("0.0.0.0", ipB, 17, udp(1, 2, text))},
		{"ARP request for another", by4, false, ether(every, macA, 0x806, arp(1, macA, "10.231.0.1", "00:00:00:00:00:00", ipB))},
		{"ARP reply for another", by4, false, ether(macB, macA, 0x806, arp(2, macA, "10.231.0.1", macB, ipB))},
		{"ARP announcement of another", by4, false, ether(every, macA, 0x806, arp(1, macA, ipB, every, ipB))},
		{"ARP probe of another", by4, false, ether(every, macA, 0x806, arp(1, macA, "0.0.0.0", "00:00:00:00:00:00", ipB))},

		{"foreign IPv6", by6, true, six("fd42:1::77", ip6B, 17, udp(1, 2, text))},
		{"the host's link-local", by6, true, six("fe80::1", ip6B, 17, udp(1, 2, text))},
		{"no IPv6 address", by6, true, six("::", ip6B, 17, udp(1, 2, text))},
		{"neighbour advertisement of another", by6, true, message(ip6A, ip6B, 136, []byte{0x20, 0, 0, 0}, ip("fd42:1::1"), option(2, macA))},
		{"the same from its address", by6, true, six(ip6B, all1, 58, stolen)},
		{"duplicate address detection for another", by6, true, message("::", "ff02::1:ff00:3", 135, none, ip(ip6B))},
		{"neighbour solicitation from another", by6, true, message(ip6B, "ff02::1:ff00:1", 135, none, ip("fd42:1::1"), option(1, macA))},
		{"listener report from another", by6, true, six(localB, "ff02::16", 0, join2([]byte{58, 0, 5, 2, 0, 0, 1, 0}, icmp6(localB, "ff02::16", 143, none)))},
		{"neighbour advertisement behind options", byMAC, true, hidden(60, ip6B, all1, stolen)},
		{"neighbour advertisement behind hop-by-hop", byMAC, true, hidden(0, ip6B, all1, stolen)},
		{"neighbour advertisement in pieces", byMAC, true, piece(ip6B, all1, 58, 0, stolen)},
		{"neighbour advertisement from afar", byMAC, true, ether(macB, macA, kind6, ip6(ip6A, ip6B, 58, 64, icmp6(ip6A, ip6B, 136, none, ip(ip6A))))},
	}
}

// passes is what a guard has to do with a frame.
func passes(f frame, n resource.NIC) bool {
	isFour := !f.six && f.bytes[12] == 8
	switch {
	case !n.Filter.Any():
		return true
	case f.class == byMAC:
		return false
	case isFour && n.Filter.IPv4 && n.IPv4 == "", f.six && n.Filter.IPv6 && n.IPv6 == "":
		return false
	case f.class == by4:
		return !n.Filter.IPv4
	case f.class == by6:
		return !n.Filter.IPv6
	}
	return true
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
			last := lastFrame(g.NICs[0])
			for _, fr := range frames() {
				mark := strings.ReplaceAll(name+"/"+fr.name, " ", "-")
				a.send(t, join2(fr.bytes, []byte(marker+mark)))
				a.send(t, join2(last, []byte(marker+"last-"+mark)))
				if got, want := b.got(t, mark, "last-"+mark), passes(fr, g.NICs[0]); got != want {
					t.Errorf("%s: passed %v, want %v", fr.name, got, want)
				}
			}
		})
	}
}

// lastFrame is one that passes in any case.
func lastFrame(n resource.NIC) []byte {
	if n.IPv4 == "" {
		return six(ip6A, ip6B, 17, udp(1, 2, nil))
	}
	return four(ipA, ipB, 17, udp(1, 2, nil))
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
		a.send(t, ether(group, macA, kind4, ip4(ipA, "10.231.0.1", 17, udp(9, 7777, []byte("x")))))
		check(t, c.SetReadDeadline(time.Now().Add(300*time.Millisecond)))
		_, _, err = c.ReadFrom(make([]byte, 10))
		return err == nil
	}
	groups := []string{"01:80:c2:00:00:03", "01:80:c2:00:00:0e"}
	for _, group := range groups {
		if !heard(group) {
			t.Errorf("%s is not heard without a guard: this test can't tell anything", group)
		}
	}
	g := l.guard()
	for _, filter := range []resource.Filter{all(), {}} {
		g.NICs[0].Filter = filter
		check(t, f.Set(t.Context(), g))
		for _, group := range groups {
			if heard(group) {
				t.Errorf("%s is heard with %+v", group, filter)
			}
		}
	}
}

// The same for ARP, which only the bridge family's input hook can stop: the
// host would answer, and remember who asked.
func TestConsumedARPDoesNotReachTheHost(t *testing.T) {
	l := newLAN(t, 1, 1)
	f := opened(t)
	a := newWire(t, l.pids[0])
	answered := func() bool {
		t.Helper()
		a.send(t, ether("01:80:c2:00:00:03", macA, 0x806, arp(1, macA, ipA, "00:00:00:00:00:00", "10.231.0.1")))
		return a.receives(t, 300*time.Millisecond, func(b []byte) bool {
			return len(b) >= 32 && b[12] == 8 && b[13] == 6 && b[21] == 2 && string(b[28:32]) == string(ip("10.231.0.1"))
		})
	}
	if !answered() {
		t.Error("not answered without a guard: this test can't tell anything")
	}
	g := l.guard()
	for _, filter := range []resource.Filter{all(), {}} {
		g.NICs[0].Filter = filter
		check(t, f.Set(t.Context(), g))
		if answered() {
			t.Errorf("answered with %+v", filter)
		}
	}
}
