package resource

import (
	"net"
	"net/netip"
	"slices"
	"strings"
)

// ProxyPort is where the proxy of a container's egress listens.
const ProxyPort = "3128"

// LoopbackProxy is the proxy within a container's own network namespace.
const LoopbackProxy = "127.0.0.1:" + ProxyPort

// Outlet is a container's way out: its rules, and where it finds the proxy that
// keeps them; and the ways in that the same process keeps. Container, with its
// passwords, is what brings it about.
type Outlet struct {
	Container string   `json:"container"`
	Egress    []Egress `json:"egress,omitempty"`
	Loopback  bool     `json:"loopback,omitempty"` // at LoopbackProxy
	Front     *Front   `json:"front,omitempty"`
	Init      int      `json:"init,omitempty"` // whose namespace it is open in

	Publish []Publish `json:"publish,omitempty"` // ports of the host that lead to its loopback interface

	Attempts []Attempts `json:"attempts,omitempty"` // as observed, since the proxy runs
}

// Front is the proxy at an address of a bridge, for whoever sends from one of
// the container's own.
type Front struct {
	Bridge  string   `json:"bridge"`
	Address string   `json:"address"` // of the bridge, "fe80::1" without its zone
	At      string   `json:"at"`      // as the container calls it, "[fe80::1%eth0]:3128"
	Senders []string `json:"senders"`
}

// Key tells fronts apart: all containers on a bridge share one.
func (f Front) Key() string { return f.Bridge + " " + f.Address }

// OutletOf is the way out that c describes.
func OutletOf(c Container) Outlet {
	o := Outlet{Container: c.Name, Egress: c.Egress, Publish: c.Publish}
	for _, at := range c.EgressAt {
		if at == LoopbackProxy {
			o.Loopback = true
		} else {
			o.Front = c.front(at)
		}
	}
	return o
}

// Shut is one that listens nowhere.
func (o Outlet) Shut() Outlet {
	o.Loopback, o.Front, o.Publish = false, nil, nil
	return o
}

// Attended says whether a process has to keep something open for the container
// while it runs.
func (c Container) Attended() bool { return len(c.Egress)+len(c.Publish) > 0 }

// Places are where the container finds the proxy.
func (o Outlet) Places() []string {
	var list []string
	if o.Loopback {
		list = append(list, LoopbackProxy)
	}
	if o.Front != nil {
		list = append(list, o.Front.At)
	}
	return list
}

// Through is the address that the container's programs are told: within it
// where there is one, as every program understands that.
func (o Outlet) Through() string {
	switch {
	case o.Loopback:
		return "http://" + LoopbackProxy
	case o.Front != nil:
		return "http://" + o.Front.At
	}
	return ""
}

// front finds the interface and network that an address is on. An address of
// the link says which by its zone.
func (c Container) front(at string) *Front {
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return nil
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	for _, n := range c.NICs {
		own := slices.ContainsFunc(c.Networks, func(w Network) bool { return w.Name == n.Network && w.answersAt(address) })
		if own && (address.Zone() == "" || address.Zone() == n.Name) {
			return &Front{Bridge: n.Bridge, Address: address.WithZone("").String(), At: at, Senders: n.senders(address)}
		}
	}
	return nil
}

// answersAt says whether the address is the host's own on the network.
func (n Network) answersAt(a netip.Addr) bool {
	if a.IsLinkLocalUnicast() && a.Is6() {
		return true
	}
	for _, text := range []string{n.IPv4, n.IPv6} {
		if p, err := netip.ParsePrefix(text); err == nil && p.Addr() == a {
			return true
		}
	}
	return false
}

// senders are the addresses that the interface may ask the front from: of its
// family, and of its scope, as the kernel chooses them (RFC 6724).
func (n NIC) senders(front netip.Addr) []string {
	var list []string
	for _, text := range n.Senders(front.Is6()) {
		word, _, _ := strings.Cut(text, "/")
		if a, err := netip.ParseAddr(word); err == nil {
			list = append(list, a.String())
		}
	}
	if own := linkLocal(n.MAC); own != "" && front.Is6() {
		list = append(list, own)
	}
	return list
}

// proxied are the bridges that the container asks a proxy on.
func (c Container) proxied() []string {
	if f := OutletOf(c).Front; f != nil {
		return []string{f.Bridge}
	}
	return nil
}

// Attempts is what a container's attempts of one verdict come to.
type Attempts struct {
	Verdict  string `json:"verdict"` // "allowed", "refused", "reported", "failed", "closed"
	Attempts int64  `json:"attempts"`
	Bytes    int64  `json:"bytes,omitempty"` // both ways
}
