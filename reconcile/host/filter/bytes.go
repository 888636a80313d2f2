package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errOdd: a key that strake writes none of. Somebody put it in by hand.
var errOdd = errors.New("not a key of ours")

// longKey is what most keys fit in: an interface, an address of its link, one of its network.
const longKey = 16 + 8 + 16

// inBytes is a key or a value as the kernel holds it: its parts one after the
// other, each of whole words. to is the end of a range, and the same where there is none.
func inBytes(set, text string) (from, to []byte, err error) {
	from, to = make([]byte, 0, longKey), make([]byte, 0, longKey)
	for part := range strings.SplitSeq(text, " . ") {
		first, last := ends(set, part)
		if first == nil {
			return nil, nil, fmt.Errorf("set %s, %s: %w", set, text, errOdd)
		}
		from, to = filled(append(from, first...)), filled(append(to, last...))
	}
	return from, to, nil
}

// ends are a part's first and last value; nil where it is of no kind of ours.
func ends(set, part string) (first, last []byte) {
	if len(part) > 2 && part[0] == '"' {
		first = interfaceName(part[1 : len(part)-1])
		return first, first
	}
	if len(part) == len("02:00:00:00:00:00") {
		if hw, err := net.ParseMAC(part); err == nil {
			return hw, hw
		}
	}
	if strings.Contains(part, "/") {
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, nil
		}
		return p.Masked().Addr().AsSlice(), lastOf(p)
	}
	if a, err := netip.ParseAddr(part); err == nil && a.Zone() == "" {
		first = a.AsSlice()
		return first, first
	}
	first = number16(set, part)
	return first, first
}

// interfaceName fills the kernel's IFNAMSIZ bytes.
func interfaceName(name string) []byte {
	if _, err := quote(name); err != nil {
		return nil
	}
	filled := make([]byte, unix.IFNAMSIZ)
	copy(filled, name)
	return filled
}

// number16 is a port or a protocol in network order, or a group, which the
// kernel keeps as a number of its own.
func number16(set, text string) []byte {
	if number, ok := map[string]byte{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP}[text]; ok {
		return []byte{number}
	}
	size := 16
	if set == peers {
		size = 32
	}
	n, err := strconv.ParseUint(text, 10, size)
	switch {
	case err != nil:
		return nil
	case set == peers:
		return binary.NativeEndian.AppendUint32(nil, uint32(n))
	}
	return binary.BigEndian.AppendUint16(nil, uint16(n))
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) []byte {
	last := slices.Clone(p.Masked().Addr().AsSlice())
	for bit := p.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	return last
}
