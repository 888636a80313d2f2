package egress

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// site is a host as a client or a rule wrote it, in the one form that rules
// are compared in.
type site struct {
	name string     // lower case, ASCII, without the trailing dot; of an address its usual form
	addr netip.Addr // valid where the host is an address, in whatever writing
}

var (
	errHost = errors.New("host is neither a name nor an address")
	errPort = errors.New("port is none")
)

// parseSite reads a host. What looks like a number is an address, as it is for
// inet_aton(3): "127.1", "0x7f.1" and "2130706433" are all 127.0.0.1, and
// whoever hides one behind its writing is judged by what it is.
func parseSite(text string) (site, error) {
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		a, err := netip.ParseAddr(text[1 : len(text)-1])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return site{}, errHost
		}
		return siteOf(a), nil
	}
	name := strings.ToLower(text)
	for i := range len(name) {
		if name[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(name)
			if err != nil {
				return site{}, errHost
			}
			name = ascii
			break
		}
	}
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	if last := labels[len(labels)-1]; numeric(last) {
		a, ok := inetAton(labels)
		if !ok {
			return site{}, errHost
		}
		return siteOf(a), nil
	}
	if len(name) > 253 {
		return site{}, errHost
	}
	for _, l := range labels {
		if !label63(l) {
			return site{}, errHost
		}
	}
	return site{name: name}, nil
}

func siteOf(a netip.Addr) site {
	a = a.Unmap()
	return site{a.String(), a}
}

// String is the host as it stands before a port.
func (s site) String() string {
	if s.addr.Is6() {
		return "[" + s.name + "]"
	}
	return s.name
}

// label63 says whether the text is a label of a name, underscores included:
// they are in names that people use.
func label63(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for i := range len(l) {
		c := l[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// numeric says whether some resolver could take the last label for a number:
// of digits alone, or starting with 0x. No top-level domain is like that.
func numeric(l string) bool {
	if strings.HasPrefix(l, "0x") {
		return true
	}
	return l != "" && strings.Trim(l, "0123456789") == ""
}

// inetAton reads one to four numbers, each decimal, octal or hexadecimal, of
// which the last fills what is left of the 32 bits.
func inetAton(parts []string) (netip.Addr, bool) {
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var value uint64
	for i, p := range parts {
		if strings.ContainsAny(p, "_+-bo") && !strings.HasPrefix(p, "0x") {
			return netip.Addr{}, false // what Go reads as a number, and C does not
		}
		n, err := strconv.ParseUint(p, 0, 64)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		if err != nil || strings.Contains(p, "_") || n >= 1<<bits {
			return netip.Addr{}, false
		}
		value = value<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(value >> 24), byte(value >> 16), byte(value >> 8), byte(value)}), true
}

// parseAuthority reads HOST:PORT, or HOST alone where there is a default port.
func parseAuthority(text string, port int) (site, int, error) {
	host := text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && !strings.HasSuffix(text, "]") {
		host = text[:i]
		digits := text[i+1:]
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || n == 0 || strings.Trim(digits, "0123456789") != "" {
			return site{}, 0, errPort
		}
		port = int(n)
	}
	if port == 0 {
		return site{}, 0, errPort
	}
	s, err := parseSite(host)
	return s, port, err
}
