package adopt

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"strake/reconcile/ledger"
	"strake/spec"
)

var interfaceForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`) })

// nics makes blocks of the interfaces that are veth pairs on a bridge. What
// else such a one has (a gateway, scripts, a second address) stays raw beside its
// block; so does every other interface. LXC tells them apart by number and
// strake by name: the blocks are the first ones, and in order.
func (r *reader) nics() error {
	numbers := r.indexes()
	var blocks []spec.NIC
	for i, n := range numbers {
		nic, ok := r.nic(n, i)
		if r.raw[NICs] || !ok || n != i || i > 0 && nic.Name <= blocks[i-1].Name {
			break
		}
		if r.last(at(n, "name")) == "" && !numbered(blocks) {
			break
		}
		blocks = append(blocks, nic)
	}
	r.found.Entry.NICs = map[string]ledger.NICEntry{}
	for i, nic := range blocks {
		r.block(i, nic)
	}
	for _, n := range numbers[len(blocks):] {
		r.reserve(n)
	}
	return nil
}

// numbered says whether the kernel gives the next interface the next number.
func numbered(blocks []spec.NIC) bool {
	for i, b := range blocks {
		if b.Name != "eth"+strconv.Itoa(i) {
			return false
		}
	}
	return true
}

// indexes are the numbers of all interfaces, ascending.
func (r *reader) indexes() []int {
	var list []int
	for _, k := range r.keys {
		rest, ok := strings.CutPrefix(k.name, "lxc.net.")
		word, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(word); ok && err == nil && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

func at(n int, part string) string { return fmt.Sprintf("lxc.net.%d.%s", n, part) }

// nic reads the interface of number n. One without a name gets eth and its
// place from the kernel.
func (r *reader) nic(n, place int) (spec.NIC, bool) {
	nic := spec.NIC{Name: r.last(at(n, "name"))}
	if nic.Name == "" {
		nic.Name = "eth" + strconv.Itoa(place)
	}
	bridge := r.last(at(n, "link"))
	if r.last(at(n, "type")) != "veth" || r.last(at(n, "flags")) != "up" || !interfaceForm().MatchString(bridge) || !interfaceForm().MatchString(nic.Name) {
		return nic, false
	}
	nic.Network = networkName(bridge)
	if mac, err := net.ParseMAC(r.last(at(n, "hwaddr"))); err == nil && len(mac) == 6 && mac[0]&1 == 0 {
		nic.MAC = mac.String()
	}
	nic.IPv4 = r.address(at(n, "ipv4.address"))
	nic.IPv6 = r.address(at(n, "ipv6.address"))
	if mtu, ok := number(r.last(at(n, "mtu"))); ok && mtu >= 576 && mtu <= 65535 {
		nic.MTU = int(mtu)
	}
	if slices.Contains(r.ours, bridge) {
		off := false
		nic.Filter = spec.Filter{MAC: &off, IPv4: &off, IPv6: &off}
	}
	return nic, true
}

// address is the only one of a key, as strake writes it.
func (r *reader) address(key string) string {
	list := r.all(key)
	if len(list) != 1 {
		return ""
	}
	p, err := netip.ParsePrefix(list[0])
	if err != nil || p.Bits() == 0 || !p.Addr().IsGlobalUnicast() || p.String() != list[0] {
		return ""
	}
	return list[0]
}

// block takes what an interface's block says out of the keys. A name on the
// host that is fixed is a choice that was made already; one that is not, and
// a MAC that is not, LXC makes up at each start.
func (r *reader) block(n int, nic spec.NIC) {
	bridge, device := r.last(at(n, "link")), r.last(at(n, "veth.pair"))
	if !slices.ContainsFunc(r.found.Networks, func(o spec.Network) bool { return o.External == bridge }) {
		r.found.Networks = append(r.found.Networks, spec.Network{Name: nic.Network, External: bridge})
	}
	r.take(at(n, "type"), at(n, "link"), at(n, "flags"), at(n, "name"), at(n, "veth.pair"))
	for _, part := range []struct {
		key string
		set bool
	}{
		{"hwaddr", nic.MAC != ""}, {"ipv4.address", nic.IPv4 != ""}, {"ipv6.address", nic.IPv6 != ""}, {"mtu", nic.MTU != 0},
	} {
		if part.set {
			r.take(at(n, part.key))
		}
	}
	r.found.Container.NICs = append(r.found.Container.NICs, nic)
	r.found.Entry.NICs[nic.Name] = ledger.NICEntry{
		MAC: nic.MAC, FixedMAC: nic.MAC != "", Device: device, Loose: nic.MAC == "" || device == "",
	}
}

// reserve keeps what an interface in LXC's own words has from being given to
// others.
func (r *reader) reserve(n int) {
	e := ledger.NICEntry{Device: r.last(at(n, "veth.pair")), Loose: true}
	if mac, err := net.ParseMAC(r.last(at(n, "hwaddr"))); err == nil && len(mac) == 6 {
		e.MAC, e.FixedMAC = mac.String(), true
	}
	pool := Pool(r.last(at(n, "link")))
	for _, f := range []struct {
		key string
		to  *map[string]ledger.Address
	}{{"ipv4.address", &e.IPv4}, {"ipv6.address", &e.IPv6}} {
		for _, text := range r.all(at(n, f.key)) {
			word, _, _ := strings.Cut(text, " ")
			if p, err := netip.ParsePrefix(word); err == nil && p.Addr().IsGlobalUnicast() {
				*f.to = map[string]ledger.Address{pool: {IP: p.Addr(), Fixed: true}}
			}
		}
	}
	r.found.Entry.NICs[strings.TrimSuffix(at(n, ""), ".")] = e
}

// Pool is what a ledger calls the addresses on a bridge that is no network of
// strake's.
func Pool(bridge string) string { return "bridge " + bridge }

// networkName is a name for the network of a bridge.
func networkName(bridge string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		if r >= 'A' && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return '-'
	}, bridge)
	return strings.Trim(name, "-")
}
