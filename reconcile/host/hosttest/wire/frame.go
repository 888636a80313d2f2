package wire

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
)

// Ethernet types.
const (
	IPv4 = 0x0800
	ARP  = 0x0806
	IPv6 = 0x86dd
)

func mac(s string) []byte {
	hw, err := net.ParseMAC(s)
	if err != nil {
		panic(err) // of a test's own table
	}
	return hw
}

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func cat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// Ether is an Ethernet frame.
func Ether(dst, src string, kind uint16, payload ...[]byte) []byte {
	return cat(mac(dst), mac(src), binary.BigEndian.AppendUint16(nil, kind), cat(payload...))
}

// AskARP is the packet of an ARP request or reply (RFC 826).
func AskARP(op uint16, sha, spa, tha, tpa string) []byte {
	head := []byte{0, 1, 8, 0, 6, 4, byte(op >> 8), byte(op)}
	return cat(head, mac(sha), ip(spa), mac(tha), ip(tpa))
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

// Packet4 is an IPv4 packet.
func Packet4(src, dst string, proto byte, payload []byte) []byte {
	h := cat([]byte{0x45, 0}, binary.BigEndian.AppendUint16(nil, uint16(20+len(payload))), []byte{0, 1, 0, 0, 64, proto, 0, 0}, ip(src), ip(dst))
	copy(h[10:], sum(h))
	return cat(h, payload)
}

// UDP is a datagram without a checksum.
func UDP(sport, dport uint16, payload []byte) []byte {
	var b []byte
	for _, v := range []uint16{sport, dport, uint16(8 + len(payload)), 0} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return cat(b, payload)
}

// Packet6 is an IPv6 packet.
func Packet6(src, dst string, next, hops byte, payload []byte) []byte {
	size := binary.BigEndian.AppendUint16(nil, uint16(len(payload)))
	return cat([]byte{0x60, 0, 0, 0}, size, []byte{next, hops}, ip(src), ip(dst), payload)
}

// icmp6 is a message with a good checksum: connection tracking drops others.
func icmp6(src, dst string, kind byte, body ...[]byte) []byte {
	m := cat([]byte{kind, 0, 0, 0}, cat(body...))
	pseudo := cat(ip(src), ip(dst), []byte{0, 0, byte(len(m) >> 8), byte(len(m)), 0, 0, 0, 58}, m)
	copy(m[2:], sum(pseudo))
	return m
}

// option is one of neighbour discovery, eight bytes long.
func option(kind byte, hw string) []byte { return cat([]byte{kind, 1}, mac(hw)) }

// patched is b with one byte changed.
func patched(b []byte, at int, to byte) []byte {
	b[at] = to
	return b
}
