package filter

import (
	"encoding/hex"
	"math/big"
	"net"
	"net/netip"
	"strings"
)

// What the rules find at an offset is a number for nft, whatever it means: a
// MAC or an IPv6 address. One set of each serves all rules that way. Here they
// become numbers on the way to nft, and themselves again on the way back.

// asWritten is a key of a set in nft's words.
func asWritten(set, key string) string {
	device, text := cut(key)
	switch set {
	case macs, rmacs, amacs:
		hw, _ := net.ParseMAC(text) // was one when it became a key
		return join(device, number(hw))
	case ip6s, rip6s:
		ip, _ := netip.ParseAddr(text)
		return join(device, number(ip.AsSlice()))
	case net6s, rnet6s:
		p, _ := netip.ParsePrefix(whole(text))
		return join(device, rangeOf(p))
	}
	return key
}

// asMeant is the inverse. What is no number stays as it is, and shows as odd.
func asMeant(set, key string) string {
	device, text := cut(key)
	first, last, ranged := strings.Cut(text, "-")
	switch size := map[string]int{macs: 6, rmacs: 6, amacs: 6, ip6s: 16, rip6s: 16, net6s: 16, rnet6s: 16}[set]; {
	case size == 0:
		return key
	case size == 6:
		if b := bytesOf(first, size); b != nil && !ranged {
			return join(device, net.HardwareAddr(b).String())
		}
	default:
		from, ok := netip.AddrFromSlice(bytesOf(first, size))
		if ok && !ranged {
			return join(device, from.String())
		}
		if to, ok2 := netip.AddrFromSlice(bytesOf(last, size)); ok && ok2 {
			return join(device, prefixOf(from, to))
		}
	}
	return key
}

// number is the form of raw payload in nft.
func number(b []byte) string {
	text := hex.EncodeToString(b)
	for len(text) > 1 && text[0] == '0' {
		text = text[1:]
	}
	return "0x" + text
}

// bytesOf is a number's bytes; nil where it is none or too large.
func bytesOf(text string, size int) []byte {
	n, ok := new(big.Int).SetString(text, 0)
	if !ok || n.Sign() < 0 || n.BitLen() > 8*size {
		return nil
	}
	return n.FillBytes(make([]byte, size))
}

// rangeOf is a prefix as raw payload: its first and last address.
func rangeOf(p netip.Prefix) string {
	first := p.Masked().Addr().AsSlice()
	if p.IsSingleIP() {
		return number(first)
	}
	return number(first) + "-" + number(lastOf(p))
}

// prefixOf is the prefix between two addresses; a range that is none stays one.
func prefixOf(from, to netip.Addr) string {
	for bits := from.BitLen(); bits >= 0; bits-- {
		if p := netip.PrefixFrom(from, bits); p.Masked().Addr() == from && rangeOf(p) == number(from.AsSlice())+"-"+number(to.AsSlice()) {
			return p.String()
		}
	}
	return from.String() + "-" + to.String()
}
