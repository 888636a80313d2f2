package wire

import (
	"net/netip"
	"strings"

	"strake/reconcile/resource"
)

// Station is who can be on a wire.
type Station struct{ MAC, IPv4, IPv6 string }

// Local is the link-local address that the kernel makes from the MAC (RFC
// 4291, EUI-64).
func (s Station) Local() string {
	m := mac(s.MAC)
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}).String()
}

// group is the multicast address that whoever has this one listens on (RFC
// 4291, solicited node).
func group(address string) string {
	a := netip.MustParseAddr(address).As16()
	return netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 0xff, a[13], a[14], a[15]}).String()
}

// Scene is who plays which part: Sender sends everything to Target, and what
// it forges is often in the name of Other.
type Scene struct {
	Sender, Target, Other Station
	IPv4Prefix            string // of addresses that nobody has: "10.231.0.77" without the 77
	IPv6Prefix            string
}

// Class says which filter stops a frame; what honest senders need has none.
type Class int

// The classes.
const (
	Honest  Class = iota
	ByGuard       // none: to what a port takes for itself no container sends
	ByMAC         // any filter
	By4           // the ipv4 filter
	By6           // the ipv6 filter
)

// Frame is one frame and what is true of it.
type Frame struct {
	Name  string
	Class Class
	Six   bool // belongs to IPv6, so is gone where that family is blocked
	Lie   bool // Linux believes it: a neighbour's entry is wrong after it
	Bytes []byte
}

// Passes is what a guard of the interface has to do with it. One without a
// device is not guarded at all.
func (f Frame) Passes(n resource.NIC) bool {
	isFour := !f.Six && f.Bytes[12] == 8
	switch {
	case n.Device == "":
		return true
	case f.Class == ByGuard:
		return false
	case !n.Filter.Any():
		return true
	case f.Class == ByMAC:
		return false
	case isFour && n.Filter.IPv4 && n.IPv4 == "", f.Six && n.Filter.IPv6 && n.IPv6 == "":
		return false
	case f.Class == By4:
		return !n.Filter.IPv4
	case f.Class == By6:
		return !n.Filter.IPv6
	}
	return true
}

// Routed says whether the host's IP or ARP takes such a frame at all from an
// interface that is no port of a bridge: of others nothing comes there, filtered
// or not. A tag of VLAN 0 is no tag for the kernel (IEEE 802.1Q, 6.8), and what is in it is
// looked at.
func (f Frame) Routed() bool {
	// Fragments are put together before any rule of ours (nf_defrag), and what
	// is not IPv6 goes before that.
	if strings.Contains(f.Name, "piece") || f.Name == "report behind long hop-by-hop" || f.Class == ByGuard {
		return false
	}
	kind := int(f.Bytes[12])<<8 | int(f.Bytes[13])
	return kind == IPv4 || kind == IPv6 || kind == ARP && f.Bytes[18] == 6 && f.Bytes[19] == 4
}

// Last is a frame that passes in any case.
func (s Scene) Last(n resource.NIC) []byte {
	if n.IPv4 == "" {
		return s.six(s.Sender.IPv6, s.Target.IPv6, 17, UDP(1, 2, nil))
	}
	return s.four(s.Sender.IPv4, s.Target.IPv4, 17, UDP(1, 2, nil))
}

func (s Scene) four(src, dst string, proto byte, payload []byte) []byte {
	return Ether(s.Target.MAC, s.Sender.MAC, IPv4, Packet4(src, dst, proto, payload))
}

func (s Scene) six(src, dst string, next byte, payload []byte) []byte {
	return Ether(s.Target.MAC, s.Sender.MAC, IPv6, Packet6(src, dst, next, 255, payload))
}

func (s Scene) message(src, dst string, kind byte, body ...[]byte) []byte {
	return s.six(src, dst, 58, icmp6(src, dst, kind, body...))
}

// hidden puts a message behind an extension header that says nothing.
func (s Scene) hidden(header byte, src, dst string, m []byte) []byte {
	return s.six(src, dst, header, cat([]byte{58, 0, 1, 4, 0, 0, 0, 0}, m))
}

// piece is a fragment: offset in bytes.
func (s Scene) piece(src, dst string, next byte, offset uint16, payload []byte) []byte {
	h := []byte{next, 0, byte(offset >> 8), byte(offset&0xf8) | 1, 0, 0, 0, 7}
	return s.six(src, dst, 44, cat(h, payload))
}

// report is a multicast listener report, behind its router alert (RFC 3810).
func (s Scene) report(src string) []byte {
	return s.six(src, "ff02::16", 0, cat([]byte{58, 0, 5, 2, 0, 0, 1, 0}, icmp6(src, "ff02::16", 143, none())))
}

const (
	every  = "ff:ff:ff:ff:ff:ff"
	nobody = "00:00:00:00:00:00"
	alien  = "02:66:66:66:66:66"
	all1   = "ff02::1"
)

func none() []byte { return []byte{0, 0, 0, 0} }

// Frames are all frames that a test of the guard sends.
func (s Scene) Frames() []Frame {
	var all []Frame
	for _, list := range [][]Frame{s.honest(), s.links(), s.servers(), s.routers(), s.addresses4(), s.addresses6()} {
		all = append(all, list...)
	}
	return all
}

func (s Scene) honest() []Frame {
	a, b, text := s.Sender, s.Target, []byte("hello")
	return []Frame{
		{"own IPv4", Honest, false, false, s.four(a.IPv4, b.IPv4, 17, UDP(1, 2, text))},
		{"DHCP client", Honest, false, false, Ether(every, a.MAC, IPv4, Packet4("0.0.0.0", "255.255.255.255", 17, UDP(68, 67, text)))},
		{"ARP request", Honest, false, false, Ether(every, a.MAC, ARP, AskARP(1, a.MAC, a.IPv4, nobody, b.IPv4))},
		{"ARP reply", Honest, false, false, Ether(b.MAC, a.MAC, ARP, AskARP(2, a.MAC, a.IPv4, b.MAC, b.IPv4))},
		{"ARP probe", Honest, false, false, Ether(every, a.MAC, ARP, AskARP(1, a.MAC, "0.0.0.0", nobody, a.IPv4))},
		{"ARP announcement", Honest, false, false, Ether(every, a.MAC, ARP, AskARP(1, a.MAC, a.IPv4, nobody, a.IPv4))},
		{"own IPv6", Honest, true, false, s.six(a.IPv6, b.IPv6, 17, UDP(1, 2, text))},
		{"own link-local", Honest, true, false, s.six(a.Local(), b.Local(), 17, UDP(1, 2, text))},
		{"DHCPv6 client", Honest, true, false, s.six(a.Local(), "ff02::1:2", 17, UDP(546, 547, text))},
		{"echo request", Honest, true, false, s.message(a.IPv6, b.IPv6, 128, none(), text)},
		{"piece of a long echo request", Honest, true, false, s.piece(a.IPv6, b.IPv6, 58, 1448, []byte{134, 134, 134, 134, 134, 134, 134, 134})},
		{"first piece of a long echo request", Honest, true, false, s.piece(a.IPv6, b.IPv6, 58, 0, icmp6(a.IPv6, b.IPv6, 128, none(), text))},
		{"duplicate address detection", Honest, true, false, s.message("::", group(a.IPv6), 135, none(), ip(a.IPv6))},
		{"the same for link-local, with nonce", Honest, true, false, s.message("::", group(a.Local()), 135, none(), ip(a.Local()), option(14, alien))},
		{"neighbour solicitation", Honest, true, false, s.message(a.IPv6, group(b.IPv6), 135, none(), ip(b.IPv6), option(1, a.MAC))},
		{"neighbour advertisement", Honest, true, false, s.message(a.IPv6, b.IPv6, 136, []byte{0x60, 0, 0, 0}, ip(a.IPv6), option(2, a.MAC))},
		{"the same without option", Honest, true, false, s.message(a.Local(), b.IPv6, 136, []byte{0x40, 0, 0, 0}, ip(a.Local()))},
		{"router solicitation from ::", Honest, true, false, s.message("::", "ff02::2", 133, none())},
		{"router solicitation", Honest, true, false, s.message(a.Local(), "ff02::2", 133, none(), option(1, a.MAC))},
		{"multicast listener report", Honest, true, false, s.report("::")},
		{"the same from link-local", Honest, true, false, s.report(a.Local())},
	}
}

// links are lies about who sends, and what is no IPv4, IPv6 or ARP.
func (s Scene) links() []Frame {
	a, b, text := s.Sender, s.Target, []byte("hello")
	own := Packet4(a.IPv4, b.IPv4, 17, UDP(1, 2, text))
	request := func() []byte { return AskARP(1, a.MAC, a.IPv4, b.MAC, b.IPv4) }
	advert := icmp6(a.Local(), all1, 134, make([]byte, 12))
	over := []byte{0x20, 0, 0, 0}
	return []Frame{
		{"foreign MAC", ByMAC, false, false, Ether(b.MAC, alien, IPv4, own)},
		{"foreign MAC, IPv6", ByMAC, true, false, Ether(b.MAC, alien, IPv6, Packet6(a.IPv6, b.IPv6, 17, 64, UDP(1, 2, text)))},
		{"foreign MAC in ARP", ByMAC, false, true, Ether(every, a.MAC, ARP, AskARP(1, alien, a.IPv4, b.MAC, b.IPv4))},
		{"foreign MAC in front of ARP", ByMAC, false, false, Ether(every, alien, ARP, request())},
		{"foreign MAC in neighbour solicitation", ByMAC, true, true, s.message(a.IPv6, group(b.IPv6), 135, none(), ip(b.IPv6), option(1, alien))},
		{"foreign MAC in neighbour advertisement", ByMAC, true, true, s.message(a.IPv6, b.IPv6, 136, over, ip(a.IPv6), option(2, alien))},
		{"foreign MAC in a second option", ByMAC, true, false, s.message(a.IPv6, b.IPv6, 136, none(), ip(a.IPv6), option(2, a.MAC), option(2, alien))},
		{"foreign MAC in router solicitation", ByMAC, true, false, s.message(a.Local(), "ff02::2", 133, none(), option(1, alien))},
		{"foreign MAC in its second option", ByMAC, true, false, s.message(a.Local(), "ff02::2", 133, none(), option(1, a.MAC), option(1, alien))},
		{"another option in router solicitation", ByMAC, true, false, s.message(a.Local(), "ff02::2", 133, none(), option(2, a.MAC))},
		{"another option in neighbour advertisement", ByMAC, true, false, s.message(a.IPv6, b.IPv6, 136, none(), ip(a.IPv6), option(25, a.MAC))},
		{"ARP of odd length", ByMAC, false, false, Ether(every, a.MAC, ARP, []byte{0, 1, 8, 0, 8, 4, 0, 1}, make([]byte, 24))},
		{"ARP of another hardware", ByMAC, false, false, Ether(every, a.MAC, ARP, patched(request(), 1, 6))},
		{"ARP of another protocol", ByMAC, false, false, Ether(every, a.MAC, ARP, patched(request(), 2, 0x86))},
		{"ARP of longer hardware addresses", ByMAC, false, false, Ether(every, a.MAC, ARP, patched(request(), 4, 8))},
		{"ARP of longer addresses", ByMAC, false, false, Ether(every, a.MAC, ARP, patched(request(), 5, 16))},
		{"reverse ARP", ByMAC, false, false, Ether(every, a.MAC, 0x8035, AskARP(3, a.MAC, a.IPv4, a.MAC, a.IPv4))},
		{"RARP operation", ByMAC, false, false, Ether(every, a.MAC, ARP, AskARP(4, a.MAC, a.IPv4, a.MAC, a.IPv4))},
		{"VLAN", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x8100, []byte{0, 5, 8, 0}, own)},
		{"VLAN priority tag", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x8100, []byte{0, 0, 8, 0}, own)},
		{"VLAN in VLAN", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x88a8, []byte{0, 5, 0x81, 0, 0, 6, 8, 0}, own)},
		{"VLAN around a router advertisement", ByMAC, true, false, Ether(b.MAC, a.MAC, 0x8100, []byte{0, 5, 0x86, 0xdd}, Packet6(a.Local(), all1, 58, 255, advert))},
		{"length instead of a type", ByMAC, false, false, Ether(b.MAC, a.MAC, 40, []byte{0x42, 0x42, 3}, make([]byte, 37))},
		{"IPv4 in 802.3 with SNAP", ByMAC, false, false, Ether(b.MAC, a.MAC, uint16(8+len(own)), []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}, own)},
		{"spanning tree", ByGuard, false, false, Ether("01:80:c2:00:00:00", a.MAC, 38, []byte{0x42, 0x42, 3}, make([]byte, 35))},
		{"IPv4 to the group of spanning tree", ByGuard, false, false, Ether("01:80:c2:00:00:00", a.MAC, IPv4, own)},
		{"ARP to the group of spanning tree", ByGuard, false, false, Ether("01:80:c2:00:00:00", a.MAC, ARP, request())},
		{"spanning tree without its group", ByMAC, false, false, Ether(b.MAC, a.MAC, 38, []byte{0x42, 0x42, 3}, make([]byte, 35))},
		{"PPPoE", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x8863, make([]byte, 40))},
		{"MPLS", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x8847, make([]byte, 40))},
		{"EAPOL", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x888e, make([]byte, 40))},
		{"LLDP", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x88cc, make([]byte, 40))},
		{"experimental type", ByMAC, false, false, Ether(b.MAC, a.MAC, 0x88b5, make([]byte, 40))},
	}
}

// servers answer in place of DHCP's.
func (s Scene) servers() []Frame {
	a, b, text := s.Sender, s.Target, []byte("hello")
	return []Frame{
		{"DHCP server", ByMAC, false, false, s.four(a.IPv4, b.IPv4, 17, UDP(67, 68, text))},
		{"DHCP server by another port", ByMAC, false, false, s.four(a.IPv4, "255.255.255.255", 17, UDP(1067, 68, text))},
		{"DHCP server to another port", ByMAC, false, false, s.four(a.IPv4, b.IPv4, 17, UDP(67, 1068, text))},
		{"DHCPv6 server", ByMAC, true, false, s.six(a.Local(), b.Local(), 17, UDP(547, 546, text))},
		{"DHCPv6 server by another port", ByMAC, true, false, s.six(a.Local(), b.Local(), 17, UDP(1547, 546, text))},
		{"DHCPv6 server to another port", ByMAC, true, false, s.six(a.Local(), b.Local(), 17, UDP(547, 1546, text))},
	}
}

// routers lead others astray, and what hides behind extension headers.
func (s Scene) routers() []Frame {
	a, b, c := s.Sender, s.Target, s.Other
	advert := icmp6(a.Local(), all1, 134, make([]byte, 12))
	stolen := icmp6(c.IPv6, all1, 136, []byte{0x20, 0, 0, 0}, ip(c.IPv6), option(2, a.MAC))
	return []Frame{
		{"router advertisement", ByMAC, true, false, s.six(a.Local(), all1, 58, advert)},
		{"redirect", ByMAC, true, false, s.message(a.Local(), b.IPv6, 137, none(), ip(a.IPv6), ip(b.IPv6))},
		{"multicast listener query", ByMAC, true, false, s.message(a.Local(), all1, 130, none(), make([]byte, 16))},
		{"router advertisement behind hop-by-hop", ByMAC, true, false, s.hidden(0, a.Local(), all1, advert)},
		{"router advertisement behind destination options", ByMAC, true, false, s.hidden(60, a.Local(), all1, advert)},
		{"router advertisement behind a routing header", ByMAC, true, false, s.hidden(43, a.Local(), all1, advert)},
		{"router advertisement in pieces", ByMAC, true, false, s.piece(a.Local(), all1, 58, 0, advert)},
		{"router advertisement in pieces behind options", ByMAC, true, false, s.piece(a.Local(), all1, 60, 0, cat([]byte{58, 0, 1, 4, 0, 0, 0, 0}, advert))},
		{"UDP behind hop-by-hop, like a listener report", ByMAC, true, false, s.six(a.IPv6, b.IPv6, 0, cat([]byte{17, 0, 1, 4, 0, 0, 0, 0}, UDP(143<<8, 2, []byte("hello"))))},
		{"report behind long hop-by-hop", ByMAC, true, false, s.six(a.IPv6, b.IPv6, 0, cat([]byte{58, 1, 1, 12}, make([]byte, 4), []byte{143}, make([]byte, 7), advert))},
		{"neighbour advertisement behind options", ByMAC, true, true, s.hidden(60, c.IPv6, all1, stolen)},
		{"neighbour advertisement behind hop-by-hop", ByMAC, true, true, s.hidden(0, c.IPv6, all1, stolen)},
		{"neighbour advertisement in pieces", ByMAC, true, false, s.piece(c.IPv6, all1, 58, 0, stolen)},
		{"neighbour advertisement from afar", ByMAC, true, false, Ether(b.MAC, a.MAC, IPv6, Packet6(a.IPv6, b.IPv6, 58, 64, icmp6(a.IPv6, b.IPv6, 136, none(), ip(a.IPv6))))},
	}
}

func (s Scene) addresses4() []Frame {
	a, b, c, text := s.Sender, s.Target, s.Other, []byte("hello")
	return []Frame{
		{"foreign IPv4", By4, false, false, s.four(s.IPv4Prefix+"77", b.IPv4, 17, UDP(1, 2, text))},
		{"another's IPv4", By4, false, false, s.four(c.IPv4, b.IPv4, 17, UDP(1, 2, text))},
		{"no IPv4 address", By4, false, false, s.four("0.0.0.0", b.IPv4, 17, UDP(1, 2, text))},
		{"ARP request for another", By4, false, true, Ether(every, a.MAC, ARP, AskARP(1, a.MAC, c.IPv4, nobody, b.IPv4))},
		{"ARP reply for another", By4, false, true, Ether(b.MAC, a.MAC, ARP, AskARP(2, a.MAC, c.IPv4, b.MAC, b.IPv4))},
		{"ARP announcement of another", By4, false, true, Ether(every, a.MAC, ARP, AskARP(1, a.MAC, c.IPv4, every, c.IPv4))},
		{"ARP announcement of another by a reply", By4, false, true, Ether(every, a.MAC, ARP, AskARP(2, a.MAC, c.IPv4, every, c.IPv4))},
		{"ARP probe of another", By4, false, false, Ether(every, a.MAC, ARP, AskARP(1, a.MAC, "0.0.0.0", nobody, b.IPv4))},
	}
}

func (s Scene) addresses6() []Frame {
	a, b, c, text := s.Sender, s.Target, s.Other, []byte("hello")
	over := []byte{0x20, 0, 0, 0}
	stolen := icmp6(c.IPv6, all1, 136, over, ip(c.IPv6), option(2, a.MAC))
	return []Frame{
		{"foreign IPv6", By6, true, false, s.six(s.IPv6Prefix+"77", b.IPv6, 17, UDP(1, 2, text))},
		{"another's link-local", By6, true, false, s.six(c.Local(), b.IPv6, 17, UDP(1, 2, text))},
		{"the bridge's link-local", By6, true, false, s.six("fe80::1", b.IPv6, 17, UDP(1, 2, text))},
		{"no IPv6 address", By6, true, false, s.six("::", b.IPv6, 17, UDP(1, 2, text))},
		{"neighbour advertisement of another", By6, true, true, s.message(a.IPv6, b.IPv6, 136, over, ip(c.IPv6), option(2, a.MAC))},
		{"the same from its address", By6, true, true, s.six(c.IPv6, all1, 58, stolen)},
		{"duplicate address detection for another", By6, true, false, s.message("::", group(b.IPv6), 135, none(), ip(b.IPv6))},
		{"neighbour solicitation from another", By6, true, true, s.message(c.IPv6, group(b.IPv6), 135, none(), ip(b.IPv6), option(1, a.MAC))},
		{"listener report from another", By6, true, false, s.report(c.Local())},
	}
}
