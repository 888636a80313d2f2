package egress

import "net/netip"

// kind of an address that is not simply somebody's on the Internet.
type kind string

const (
	public    kind = ""
	loopback  kind = "loopback"
	link      kind = "link-local"
	multicast kind = "multicast"
	metadata  kind = "metadata" // of clouds: they hand out credentials
	reserved  kind = "reserved"
	private   kind = "private"
	own       kind = "host's own" // found out by the kernel, not by its form
)

// Services that tell a cloud's machines about themselves. Some have public
// addresses; those of fe80::/10 and 169.254.0.0/16 are here for their name.
var metadataAddrs = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"),
	netip.MustParseAddr("169.254.170.2"),
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("192.0.0.192"),
}

// kinds go by the registries of special-purpose addresses (RFC 6890 and IANA's
// list since), the narrower before the wider.
var kinds = []struct {
	in   netip.Prefix
	kind kind
}{
	{netip.MustParsePrefix("127.0.0.0/8"), loopback},
	{netip.MustParsePrefix("169.254.0.0/16"), link},
	{netip.MustParsePrefix("10.0.0.0/8"), private},
	{netip.MustParsePrefix("172.16.0.0/12"), private},
	{netip.MustParsePrefix("192.168.0.0/16"), private},
	{netip.MustParsePrefix("100.64.0.0/10"), private},
	{netip.MustParsePrefix("0.0.0.0/8"), loopback}, // Linux connects 0.0.0.0 to itself
	{netip.MustParsePrefix("192.0.0.0/24"), reserved},
	{netip.MustParsePrefix("192.0.2.0/24"), reserved},
	{netip.MustParsePrefix("192.88.99.0/24"), reserved},
	{netip.MustParsePrefix("198.18.0.0/15"), reserved},
	{netip.MustParsePrefix("198.51.100.0/24"), reserved},
	{netip.MustParsePrefix("203.0.113.0/24"), reserved},
	{netip.MustParsePrefix("224.0.0.0/4"), multicast},
	{netip.MustParsePrefix("240.0.0.0/4"), reserved},
	{netip.MustParsePrefix("::1/128"), loopback},
	{netip.MustParsePrefix("::/128"), loopback},
	{netip.MustParsePrefix("fe80::/10"), link},
	{netip.MustParsePrefix("fc00::/7"), private},
	{netip.MustParsePrefix("fec0::/10"), private}, // site-local, of old
	{netip.MustParsePrefix("ff00::/8"), multicast},
	{netip.MustParsePrefix("64:ff9b:1::/48"), private}, // NAT64 of one's own
	{netip.MustParsePrefix("2001::/23"), reserved},     // Teredo and others
	{netip.MustParsePrefix("2001:db8::/32"), reserved},
	{netip.MustParsePrefix("3fff::/20"), reserved},
}

var (
	global6 = netip.MustParsePrefix("2000::/3") // all that is given out
	nat64   = netip.MustParsePrefix("64:ff9b::/96")
	to4     = netip.MustParsePrefix("2002::/16")
	v4in6   = netip.MustParsePrefix("::/96")
)

// kindOf says what an address is by its form. One that only wraps an IPv4
// address is what that is.
func kindOf(a netip.Addr) kind {
	a = a.Unmap().WithZone("")
	for _, m := range metadataAddrs {
		if a == m {
			return metadata
		}
	}
	for _, k := range kinds {
		if k.in.Contains(a) {
			return k.kind
		}
	}
	if a.Is4() {
		return public
	}
	if inner, ok := wrapped(a); ok {
		k := kindOf(inner)
		if k == public && v4in6.Contains(a) {
			return reserved
		}
		return k
	}
	if !global6.Contains(a) {
		return reserved
	}
	return public
}

// wrapped is the IPv4 address that an IPv6 address leads to: NAT64, 6to4,
// IPv4-compatible.
func wrapped(a netip.Addr) (netip.Addr, bool) {
	b := a.As16()
	switch {
	case nat64.Contains(a), v4in6.Contains(a):
		return netip.AddrFrom4([4]byte(b[12:])), true
	case to4.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// unsafe are kinds that report mode lets nobody reach, and no prefix lists:
// what answers there trusts whoever can ask.
func (k kind) unsafe() bool {
	return k != public && k != private
}
