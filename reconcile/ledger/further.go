package ledger

import (
	"errors"
	"net/netip"
	"slices"
)

// Further are addresses that were written for one interface beside its first
// of each family. They are in nobody's way but for those who want the same.
type Further struct {
	Container, NIC string
	Network        string
	IPs            []netip.Addr
}

// Further reserves them for all interfaces of a run, before IPv4 and IPv6
// choose: what is reserved is chosen for no one. What an interface had reserved
// before and does not wish for any more is free. Errors, joined: *TakenError.
func (d *Draft) Further(wishes []Further) error {
	run := map[string]bool{}
	for _, w := range wishes {
		o := owner{w.Container, w.NIC}
		run[o.name] = true
		d.freeFurther(d.Entry(o.name).NICs[o.nic])
		if len(d.Entry(o.name).NICs[o.nic].Further) > 0 {
			d.changeNIC(o, func(n *NICEntry) { n.Further = nil })
		}
	}
	var errs []error
	for _, w := range wishes {
		if err := d.reserve(w, run); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// reserve leaves to IPv4 and IPv6 what somebody of this run has: they know
// whether it is about to be left.
func (d *Draft) reserve(w Further, run map[string]bool) error {
	o, used := owner{w.Container, w.NIC}, d.network(w.Network)
	for _, ip := range w.IPs {
		for _, side := range []map[netip.Addr]owner{used.further, used.owners} {
			if other, taken := side[ip]; taken && (has(used.further, ip) || !run[other.name]) {
				return &TakenError{ip.String(), w.Container, w.NIC, other.name, other.nic}
			}
		}
		used.further[ip] = o
	}
	if len(w.IPs) > 0 {
		d.changeNIC(o, func(n *NICEntry) { n.Further = map[string][]netip.Addr{w.Network: slices.Clone(w.IPs)} })
	}
	return nil
}

func (d *Draft) freeFurther(n NICEntry) {
	for network, list := range n.Further {
		for _, ip := range list {
			delete(d.network(network).further, ip)
			if ip.Is4() {
				d.network(network).low = min(d.network(network).low, number(ip))
			}
		}
	}
}
