package leases

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"strake/reconcile/resource"
)

// arguments are all that dnsmasq is told: no file of the system's is read, so
// whoever looks at the process sees what it does. The interface's index is
// part of the pid file's name: a bridge that was made anew is another one.
func (p place) arguments(s served, index int) []string {
	n := s.Network
	list := []string{
		"--pid-file=" + p.pidFile(index), "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--no-poll",
		"--user=" + p.owner.user, "--group=" + p.owner.group,
		"--interface=" + n.Bridge, "--except-interface=lo", "--bind-dynamic",
	}
	if n.DNS {
		list = append(list, p.dns(n)...)
	} else {
		list = append(list, "--port=0")
	}
	if n.DHCP || n.RA {
		list = append(list, "--quiet-dhcp", "--quiet-dhcp6", "--quiet-ra")
	}
	if n.DHCP {
		list = append(append(list, p.dhcp(n)...), routers(s)...)
	}
	return append(list, p.ranges6(n)...)
}

func (p place) pidFile(index int) string { return p.file(fmt.Sprint("pid-", index)) }

// dns answers for names of the network, and for others what upstream says: without
// one nothing at all. Names without a dot and addresses of private networks
// (RFC 6303) go to nobody else.
func (p place) dns(n resource.Network) []string {
	list := []string{"--addn-hosts=" + p.file("names"), "--local=/" + n.Name + "/", "--domain-needed", "--bogus-priv", "--cache-size=1000"}
	for _, upstream := range n.Upstream {
		list = append(list, "--server="+upstream)
	}
	return list
}

// dhcp gives what is in the hosts file and nothing else. A client's own idea
// of its name counts for nothing: it could be somebody else's.
func (p place) dhcp(n resource.Network) []string {
	own, _ := netip.ParsePrefix(n.IPv4) // checked by package spec
	mask := net.IP(net.CIDRMask(own.Bits(), 32)).String()
	list := []string{
		"--dhcp-range=" + strings.Join([]string{own.Masked().Addr().String(), "static", mask, lasts}, ","),
		"--dhcp-hostsfile=" + p.file("hosts"), "--dhcp-leasefile=" + p.file("leases"),
		"--dhcp-authoritative", "--dhcp-ignore-names", "--no-ping", "--dhcp-lease-max=65536",
	}
	if gateway(n) == "" {
		list = append(list, "--dhcp-option=option:router")
	}
	if n.DNS {
		list = append(list, "--domain="+n.Name)
	} else {
		list = append(list, "--dhcp-option=option:dns-server")
	}
	if n.MTU != 0 {
		list = append(list, fmt.Sprint("--dhcp-option=option:mtu,", n.MTU))
	}
	return list
}

// routers are the gateways of those that have another one than the network's.
// Such tags in the hosts file would do, too, and dnsmasq to 2.90 at least dies
// when it reads one again whose address it has leased.
func routers(s served) []string {
	var list []string
	for _, g := range s.Guests {
		if g.Gateway4 != gateway(s.Network) {
			tag := "gw" + strings.ReplaceAll(g.MAC, ":", "")
			list = append(list, "--dhcp-mac=set:"+tag+","+g.MAC, strings.TrimSuffix("--dhcp-option=tag:"+tag+",option:router,"+g.Gateway4, ","))
		}
	}
	return list
}

// ranges6 are DHCPv6 and router advertisements. dnsmasq wants a prefix of at
// least 64. Where nothing leads out, the host says that it is no router for
// anything else (RFC 4861, a lifetime of 0). No advertisement has an address made
// of it (the autonomous flag, RFC 4862, 5.5.3): beside a chosen one it would be
// another, which the kernel may prefer and the filter knows nothing of; and to
// the very one that is there it gives an end, two hours after the last advertisement.
func (p place) ranges6(n resource.Network) []string {
	own, err := netip.ParsePrefix(n.IPv6)
	if err != nil || own.Bits() < 64 || !n.RA && !n.DHCP {
		return nil
	}
	list := []string{fmt.Sprintf("--dhcp-range=%s,static,%d,%s", own.Masked().Addr(), own.Bits(), lasts)}
	if n.RA {
		list = append(list, "--enable-ra")
	}
	if n.RA && !n.DHCP {
		list = append(list, "--dhcp-leasefile="+p.file("leases")) // else the system's; nobody gets a lease
	}
	if n.RA && !n.NAT {
		list = append(list, "--ra-param="+n.Bridge+",60,0")
	}
	return list
}

// told is what a running dnsmasq was told of the network.
func told(args []string) resource.Network {
	n := resource.Network{DNS: true}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "--interface":
			n.Bridge = value
		case "--port":
			n.DNS = false
		case "--dhcp-hostsfile":
			n.DHCP = true
		case "--server":
			n.Upstream = append(n.Upstream, value)
		case "--enable-ra":
			n.RA = true
		}
	}
	return n
}
