package resource

import (
	"net/netip"
	"strings"
)

// Needs lists the host-wide settings that the network can't do without, as
// paths below /proc/sys. Each has to be 1.
func (n Network) Needs() []string {
	var list []string
	if n.NAT && n.IPv4 != "" {
		list = append(list, "net/ipv4/ip_forward")
	}
	if p, err := netip.ParsePrefix(strings.TrimSuffix(n.IPv6, "?")); n.NAT && err == nil && p.Addr().Is6() {
		list = append(list, "net/ipv6/conf/all/forwarding")
	}
	return list
}

// needs is the same in the words of sysctl(8).
func (n Network) needs() string {
	var list []string
	for _, path := range n.Needs() {
		list = append(list, strings.ReplaceAll(path, "/", ".")+"=1")
	}
	return strings.Join(list, " ")
}
