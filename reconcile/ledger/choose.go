package ledger

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// choose4 finds the lowest free address. What is below low is known to be
// used: a run over many containers looks at each address once.
func (d *Draft) choose4(w Wish) (netip.Addr, error) {
	p, used := w.Net.IPv4, d.network(w.Net.Name)
	if !p.IsValid() || !p.Addr().Is4() {
		return netip.Addr{}, fmt.Errorf("nic %q of container %q: %w: network %q has no IPv4 prefix", w.NIC, w.Container, ErrFull, w.Net.Name)
	}
	if used.of != p {
		used.of, used.low = p, 0
	}
	first, last := hosts(p)
	for n := max(first, uint64(used.low)); n <= last; n++ {
		ip := address4(uint32(n))
		if !has(used.owners, ip) && !has(used.further, ip) && ip != p.Addr() {
			used.low = uint32(n)
			return ip, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("nic %q of container %q: %w on network %q (%s)", w.NIC, w.Container, ErrFull, w.Net.Name, p.Masked())
}

// hosts is the first and last address for hosts. RFC 3021: of two addresses
// both are.
func hosts(p netip.Prefix) (first, last uint64) {
	first, last = uint64(number(p.Masked().Addr())), uint64(number(broadcast(p)))
	if p.Bits() < 31 {
		return first + 1, last - 1
	}
	return first, last
}

func broadcast(p netip.Prefix) netip.Addr {
	return address4(number(p.Masked().Addr()) | uint32(1<<(32-p.Bits())-1))
}

func number(ip netip.Addr) uint32 {
	raw := ip.As4()
	return binary.BigEndian.Uint32(raw[:])
}

func address4(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

func (d *Draft) choose6(w Wish) (netip.Addr, error) {
	p := w.Net.IPv6
	if !p.IsValid() || !p.Addr().Is6() || p.Bits() > 64 {
		return netip.Addr{}, fmt.Errorf("nic %q of container %q: %w: network %q has no IPv6 prefix of 64 bits or less", w.NIC, w.Container, ErrFull, w.Net.Name)
	}
	mac := d.Entry(w.Container).NICs[w.NIC].MAC
	ip, ok := EUI64(p, mac)
	if !ok {
		return netip.Addr{}, &BadMACError{w.Container, w.NIC, mac}
	}
	return ip, nil
}

// EUI64 is the address that an interface with this MAC makes for itself
// within a prefix of 64 bits or less; false for what is no MAC or too long a prefix.
func EUI64(p netip.Prefix, mac string) (netip.Addr, bool) {
	mac, ok := normalMAC(mac)
	if !ok || mac == "" || p.Bits() < 0 || p.Bits() > 64 || !p.Addr().Is6() {
		return netip.Addr{}, false
	}
	m, err := hex.DecodeString(strings.ReplaceAll(mac, ":", ""))
	if err != nil {
		return netip.Addr{}, false
	}
	raw := p.Masked().Addr().As16()
	copy(raw[8:], []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	return netip.AddrFrom16(raw), true
}
