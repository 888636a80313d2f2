package egress

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// isOwn asks the kernel whether an address is the host's: only then a socket
// can be bound to it. It knows addresses that were added a moment ago, and
// local routes without an address. What can't be found out is the host's.
func isOwn(a netip.Addr) bool {
	a = a.Unmap()
	family, way := unix.AF_INET, "ipv4"
	var at unix.Sockaddr
	if a.Is4() {
		at = &unix.SockaddrInet4{Addr: a.As4()}
	} else {
		family, way = unix.AF_INET6, "ipv6"
		at = &unix.SockaddrInet6{Addr: a.As16()}
	}
	s, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return !errors.Is(err, unix.EAFNOSUPPORT)
	}
	defer unix.Close(s)
	switch err := unix.Bind(s, at); {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return false
	case err != nil || !anyBinds(way):
		return true
	}
	return listed(a)
}

// anyBinds says whether the host lets everything be bound (ip_nonlocal_bind).
func anyBinds(way string) bool {
	text, err := os.ReadFile("/proc/sys/net/" + way + "/ip_nonlocal_bind")
	return err == nil && strings.TrimSpace(string(text)) == "1"
}

func listed(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, x := range all {
		if p, err := netip.ParsePrefix(x.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
