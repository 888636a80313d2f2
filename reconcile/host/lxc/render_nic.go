package lxc

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"strake/reconcile/resource"
)

func (t *text) network(nics []resource.NIC) {
	if len(nics) == 0 {
		t.set("lxc.net.0.type", "empty") // a network namespace of its own, with lo
		t.set("lxc.net.0.flags", "up")
	}
	for i, n := range nics {
		at := fmt.Sprintf("lxc.net.%d.", i)
		if n.IPv4 != "" && n.IPv4 != resource.DHCP {
			n.IPv4 = t.withBroadcast(at, n.IPv4)
		}
		t.nic(at, n)
	}
}

// nic leaves to liblxc what is not said, as an adopted container may.
func (t *text) nic(at string, n resource.NIC) {
	t.kind(at, n)
	t.set(at+"name", n.Name)
	t.optional(at+"hwaddr", n.MAC)
	if n.MTU != 0 {
		t.number(at+"mtu", int64(n.MTU))
	}
	t.address(at+"ipv4", n.IPv4)
	t.optional(at+"ipv4.gateway", gateway(n, n.Gateway4))
	t.address(at+"ipv6", n.IPv6)
	t.optional(at+"ipv6.gateway", gateway(n, n.Gateway6))
	for _, a := range n.Addresses {
		if !resource.IsIPv6(a) {
			a = t.withBroadcast(at, a)
		}
		t.set(at+family(a)+".address", a)
	}
}

func (t *text) address(at, address string) {
	if address != resource.DHCP {
		t.optional(at+".address", address)
	}
}

// gateway of a routed interface is on no subnet of its own: liblxc would find
// no way to it.
func gateway(n resource.NIC, written string) string {
	if n.Type == "routed" {
		return ""
	}
	return written
}

// kind says what the interface is made of.
func (t *text) kind(at string, n resource.NIC) {
	made := map[string]string{"macvlan": "macvlan", "physical": "phys"}[n.Type]
	t.set(at+"type", cmp.Or(made, "veth"))
	t.set(at+"flags", "up")
	switch n.Type {
	case "routed":
		// on no bridge; the start-host hook has the host route to it
	case "macvlan":
		t.set(at+"macvlan.mode", "bridge")
		t.set(at+"link", n.Parent)
	case "physical":
		t.set(at+"link", n.Parent)
	default:
		t.set(at+"link", n.Bridge)
	}
	if made == "" {
		t.optional(at+"veth.pair", n.Device)
	}
	if made == "" && n.VLAN != 0 {
		t.number(at+"veth.vlan.id", int64(n.VLAN))
	}
}

func family(address string) string {
	if resource.IsIPv6(address) {
		return "ipv6"
	}
	return "ipv4"
}

// withBroadcast adds the broadcast address, which liblxc computes wrongly by
// itself. A net of one or two addresses has none (RFC 3021).
func (t *text) withBroadcast(at, address string) string {
	p, err := netip.ParsePrefix(address)
	if err != nil || !p.Addr().Is4() {
		t.err = fmt.Errorf("%sipv4.address: %q is no IPv4 address with a prefix length", at, address)
		return address
	}
	if p.Bits() > 30 {
		return address + " 0.0.0.0"
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return address + " " + netip.AddrFrom4(b).String()
}

// mounts become fstab lines. A mount point that is not there is made; a source
// that is not there fails the start.
func (t *text) mounts(mounts []resource.Mount, e Environment) {
	for _, m := range mounts {
		options, source := "bind", m.Source
		if m.ReadOnly {
			options += ",ro"
		}
		if m.IsStaged() {
			source = cmp.Or(e.Staged[m.Target], source)
		}
		kind := "dir"
		if e.Files[m.Source] {
			kind = "file"
		}
		target := strings.TrimPrefix(m.Target, "/") // relative: below the root filesystem
		t.set("lxc.mount.entry", fmt.Sprintf("%s %s none %s,create=%s 0 0", field(source), field(target), options, kind))
	}
}

// field escapes what getmntent(3) would take for the end of a field.
func field(path string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`, "#", `\043`).Replace(path)
}
