package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Net is a network that addresses are chosen on.
type Net struct {
	Name string
	IPv4 netip.Prefix // the host's own address with its prefix length; zero: nothing is chosen, anything can be written
	IPv6 netip.Prefix
}

// Wish wishes for the address of one interface on its network.
type Wish struct {
	Container, NIC string
	Net            Net
	IP             netip.Addr // written; zero: chosen
	None           bool       // no address
}

func (w Wish) owner() owner { return owner{w.Container, w.NIC} }

// addresses are the used ones of a network.
type addresses struct {
	owners  map[netip.Addr]owner
	further map[netip.Addr]owner // beside the one that each has of a family
	low     uint32               // no free one below
	of      netip.Prefix
}

func (a *addresses) free(ip netip.Addr) {
	delete(a.owners, ip)
	if ip.Is4() {
		a.low = min(a.low, number(ip))
	}
}

// family is one of the two sides of an entry.
type family struct {
	version  int
	of       func(*NICEntry) *map[string]Address
	prefixOf func(Net) netip.Prefix
	choose   func(*Draft, Wish) (netip.Addr, error)
}

// IPv4 finds the IPv4 address of each interface of a run, on all its
// networks, in the order of the wishes; the result does not depend on that
// order. A written one is taken as it is, and from an interface of this run
// that is about to leave it. A chosen one is the one of before while it fits
// the network, else the lowest that no one has: not the network's, not the
// broadcast address, not the host's, not one written or chosen for any other,
// running or not. Errors, joined: *TakenError, *OutsideError, ErrFull; what had
// an error has the zero result.
func (d *Draft) IPv4(wishes []Wish) ([]netip.Addr, error) {
	return d.addresses(wishes, family{
		version:  4,
		of:       func(n *NICEntry) *map[string]Address { return &n.IPv4 },
		prefixOf: func(n Net) netip.Prefix { return n.IPv4 },
		choose:   (*Draft).choose4,
	})
}

// IPv6 is the same for IPv6. A chosen one is made from the interface's MAC
// (EUI-64, RFC 4291 appendix A), so Links comes first.
func (d *Draft) IPv6(wishes []Wish) ([]netip.Addr, error) {
	return d.addresses(wishes, family{
		version:  6,
		of:       func(n *NICEntry) *map[string]Address { return &n.IPv6 },
		prefixOf: func(n Net) netip.Prefix { return n.IPv6 },
		choose:   (*Draft).choose6,
	})
}

// assigning is one call of IPv4 or IPv6.
type assigning struct {
	*Draft
	family
	run map[owner]Wish
}

func (d *Draft) addresses(wishes []Wish, f family) ([]netip.Addr, error) {
	a := assigning{d, f, make(map[owner]Wish, len(wishes))}
	wishes = slices.Clone(wishes)
	for i, w := range wishes {
		wishes[i].IP = w.IP.Unmap().WithZone("")
		a.run[w.owner()] = wishes[i]
	}
	out := make([]netip.Addr, len(wishes))
	var errs []error
	for _, i := range byClaim(wishes) {
		ip, err := a.assign(wishes[i])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out[i] = ip
	}
	return out, errors.Join(errs...)
}

// byClaim is written ones first, then by name.
func byClaim(wishes []Wish) []int {
	at := make([]int, len(wishes))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(i, j int) int {
		a, b := wishes[i], wishes[j]
		return cmp.Or(chosenLast(!a.IP.IsValid(), !b.IP.IsValid()),
			cmp.Compare(a.Container, b.Container), cmp.Compare(a.NIC, b.NIC))
	})
	return at
}

func (a assigning) assign(w Wish) (netip.Addr, error) {
	switch {
	case w.None:
		return netip.Addr{}, nil
	case w.IP.IsValid():
		return w.IP, a.claim(w)
	}
	if have, ok := a.record(w.owner(), w.Net.Name); ok && a.keeps(w, have.IP) {
		if o, taken := a.network(w.Net.Name).further[have.IP]; taken {
			return netip.Addr{}, &TakenError{have.IP.String(), o.name, o.nic, w.Container, w.NIC}
		}
		a.set(w, Address{IP: have.IP})
		return have.IP, nil
	}
	ip, err := a.choose(a.Draft, w)
	if err == nil {
		err = a.take(w, Address{IP: ip})
	}
	if err != nil {
		return netip.Addr{}, err
	}
	return ip, nil
}

// keeps says whether a chosen address is still right. One made from a MAC is
// always made anew.
func (a assigning) keeps(w Wish, ip netip.Addr) bool {
	return a.version == 4 && a.fits(w, ip) == "" && ip != w.Net.IPv4.Addr()
}

func (a assigning) claim(w Wish) error {
	if why := a.fits(w, w.IP); why != "" {
		return &OutsideError{w.IP, w.Container, w.NIC, w.Net.Name, why}
	}
	return a.take(w, Address{IP: w.IP, Fixed: true})
}

// take gives an address to an interface, from whom it may be taken.
func (a assigning) take(w Wish, addr Address) error {
	if own := a.prefixOf(w.Net); own.IsValid() && own.Addr() == addr.IP {
		return &TakenError{addr.IP.String(), w.Container, w.NIC, w.Net.Name, ""}
	}
	if o, taken := a.network(w.Net.Name).further[addr.IP]; taken {
		return &TakenError{addr.IP.String(), w.Container, w.NIC, o.name, o.nic}
	}
	have, taken := a.network(w.Net.Name).owners[addr.IP]
	if taken && have != w.owner() {
		if !a.yields(have, w.Net.Name, addr.IP) {
			return &TakenError{addr.IP.String(), w.Container, w.NIC, have.name, have.nic}
		}
		a.drop(have, w.Net.Name)
	}
	a.set(w, addr)
	return nil
}

// yields says whether an interface of this run is about to leave an address:
// it goes to another one or to another network, or only had it because it was
// written.
func (a assigning) yields(o owner, network string, ip netip.Addr) bool {
	w, ok := a.run[o]
	switch {
	case !ok:
		return false
	case w.None || w.Net.Name != network:
		return true
	case w.IP.IsValid():
		return w.IP != ip
	}
	if a.version == 6 {
		made, err := a.choose(a.Draft, w)
		return err != nil || made != ip
	}
	have, _ := a.record(o, network)
	return have.Fixed
}

func (a assigning) record(o owner, network string) (Address, bool) {
	n := a.Entry(o.name).NICs[o.nic]
	have, ok := (*a.of(&n))[network]
	return have, ok
}

func (a assigning) set(w Wish, addr Address) {
	if have, ok := a.record(w.owner(), w.Net.Name); ok && have.IP != addr.IP {
		a.network(w.Net.Name).free(have.IP)
	}
	a.network(w.Net.Name).owners[addr.IP] = w.owner()
	a.changeNIC(w.owner(), func(n *NICEntry) {
		all := a.of(n)
		if *all == nil {
			*all = map[string]Address{}
		}
		(*all)[w.Net.Name] = addr
	})
}

func (a assigning) drop(o owner, network string) {
	have, _ := a.record(o, network)
	a.network(network).free(have.IP)
	a.changeNIC(o, func(n *NICEntry) { delete(*a.of(n), network) })
}

// fits says why an address can't be one on its network.
func (a assigning) fits(w Wish, ip netip.Addr) string {
	p := a.prefixOf(w.Net)
	switch {
	case ip.Is4() != (a.version == 4):
		return fmt.Sprintf("is no IPv%d address", a.version)
	case !p.IsValid():
		return ""
	case !p.Contains(ip):
		return "is outside " + p.Masked().String()
	case ip == p.Masked().Addr() && p.Bits() < ip.BitLen()-1:
		return "is the address of the network itself"
	case ip.Is4() && ip == broadcast(p) && p.Bits() < 31:
		return "is the broadcast address"
	}
	return ""
}

// OutsideError says that a written address can't be used on its network.
type OutsideError struct {
	IP                      netip.Addr
	Container, NIC, Network string
	Why                     string
}

func (e *OutsideError) Error() string {
	return fmt.Sprintf("nic %q of container %q: %s %s (network %q)", e.NIC, e.Container, e.IP, e.Why, e.Network)
}
