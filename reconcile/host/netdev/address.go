package netdev

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// linkLocal is what every bridge with IPv6 answers to.
const linkLocal = "fe80::1/64"

// bridgeAddresses are those that the host has on the bridge of n.
func bridgeAddresses(n resource.Network) ([]netip.Prefix, error) {
	var texts []string
	if n.IPv4 != "" {
		texts = append(texts, n.IPv4)
	}
	if n.IPv6 != "" {
		texts = append(texts, linkLocal)
	}
	if n.IPv6 != "" && n.IPv6 != "link-local" {
		texts = append(texts, n.IPv6)
	}
	return prefixes(texts...)
}

func prefixes(texts ...string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, t := range texts {
		if t == "" {
			continue
		}
		p, err := netip.ParsePrefix(t)
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", t, err)
		}
		list = append(list, p)
	}
	return list, nil
}

// everyAddress and declared say which of an interface's addresses are ours to
// decide on.
func everyAddress(netlink.Addr) bool { return true }

// declared leaves to a container what it gave itself: link-local addresses,
// which follow from the MAC, and leased ones (DHCP, router advertisements),
// which have a lifetime and so lack IFA_F_PERMANENT.
func declared(a netlink.Addr) bool {
	return a.Flags&unix.IFA_F_PERMANENT != 0 && !(a.IP.To4() == nil && a.IP.IsLinkLocalUnicast())
}

// decided are the declared ones without those that a client inside has put
// there for itself: some give them no lifetime. What strake gave before is not
// among them.
func decided(was, n resource.NIC) func(netlink.Addr) bool {
	given, _ := was.AddressPrefixes()
	more, _ := n.AddressPrefixes()
	given = append(given, more...)
	return func(a netlink.Addr) bool {
		p := prefixOf(a)
		return declared(a) && (!n.Asks(p.Addr().Is6()) || slices.Contains(given, p))
	}
}

// readdress gives the link exactly these addresses among those that are ours
// to decide on. Wrong ones go first: adding one beside another of its subnet
// makes it secondary, and it would go together with the first. The first one
// comes first, as the kernel sends from it.
func readdress(h *netlink.Handle, link netlink.Link, want []netip.Prefix, ours func(netlink.Addr) bool) error {
	have, err := ownAddresses(h, link, ours)
	if err != nil {
		return err
	}
	wrong := func(a netlink.Addr) bool { return !sound(a) || !slices.Contains(want, prefixOf(a)) }
	if slices.ContainsFunc(have, wrong) {
		if err := dropAddresses(h, link, have, wrong); err != nil {
			return err
		}
		if have, err = ownAddresses(h, link, ours); err != nil { // some may have gone along
			return err
		}
	}
	if !led(have, want) {
		if err := dropAddresses(h, link, have, four); err != nil {
			return err
		}
		have = slices.DeleteFunc(have, four)
	}
	for _, p := range want {
		if slices.ContainsFunc(have, func(a netlink.Addr) bool { return prefixOf(a) == p }) {
			continue
		}
		if err := h.AddrAdd(link, address(p)); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	return nil
}

func ownAddresses(h *netlink.Handle, link netlink.Link, ours func(netlink.Addr) bool) ([]netlink.Addr, error) {
	have, err := dump(func() ([]netlink.Addr, error) { return h.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	return slices.DeleteFunc(have, func(a netlink.Addr) bool { return !ours(a) }), nil
}

func dropAddresses(h *netlink.Handle, link netlink.Link, have []netlink.Addr, which func(netlink.Addr) bool) error {
	for _, a := range have {
		if !which(a) {
			continue
		}
		if err := h.AddrDel(link, &a); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("delete address %s: %w", prefixOf(a), err)
		}
	}
	return nil
}

func four(a netlink.Addr) bool { return a.IP.To4() != nil }

// led says whether the first wanted IPv4 address is the first of its subnet,
// or no other is there that would be.
func led(have []netlink.Addr, want []netip.Prefix) bool {
	first := slices.IndexFunc(want, func(p netip.Prefix) bool { return p.Addr().Is4() })
	if first < 0 || !slices.ContainsFunc(have, four) {
		return true
	}
	return slices.ContainsFunc(have, func(a netlink.Addr) bool {
		return prefixOf(a) == want[first] && a.Flags&unix.IFA_F_SECONDARY == 0
	})
}

// address is p as we put it: IPv6 without duplicate address detection, so
// that it can be used at once; nobody else can hold it behind our guard.
func address(p netip.Prefix) *netlink.Addr {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// sound says that an address works and has the broadcast that belongs to it.
func sound(a netlink.Addr) bool {
	if a.Flags&(unix.IFA_F_DADFAILED|unix.IFA_F_SECONDARY) != 0 && a.IP.To4() == nil || a.Peer != nil && !a.Peer.IP.Equal(a.IP) {
		return false
	}
	want := broadcast(prefixOf(a))
	return want == nil || want.Equal(a.Broadcast)
}

// broadcast is the last address of an IPv4 network that has room for one.
func broadcast(p netip.Prefix) net.IP {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return nil
	}
	ip := p.Addr().As4()
	for i, m := range net.CIDRMask(p.Bits(), 32) {
		ip[i] |= ^m
	}
	return ip[:]
}

func prefixOf(a netlink.Addr) netip.Prefix {
	ip, _ := netip.AddrFromSlice(a.IP)
	ip = ip.Unmap()
	ones, _ := a.Mask.Size()
	return netip.PrefixFrom(ip, ones)
}

// addressText is what resources hold: the address with its prefix length,
// several separated by a space, and one with a question mark that is unsound or, of
// these routes, has none to its own network.
func addressText(list []netlink.Addr, routes []netlink.Route) string {
	var words []string
	for _, a := range list {
		word := prefixOf(a).String()
		if !sound(a) || lost(a, a.LinkIndex, routes) {
			word += "?"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}
