package desired

import (
	"cmp"
	"slices"
	"strings"

	"strake/reconcile/resource"
	"strake/spec"
)

// traffic fills in what an interface may have beside its first addresses.
// Its gateways still hold what was written.
func (b *builder) traffic(nic *resource.NIC, n spec.NIC) {
	nic.Parent, nic.VLAN, nic.Prefixes = n.Parent, n.VLAN, slices.Clone(n.Prefixes)
	nic.Limits = resource.Rates{Ingress: n.Limits.Ingress, Egress: n.Limits.Egress}
	nic.Gateway4, nic.Gateway6 = n.Gateway4, n.Gateway6
	net := b.truly(b.networks[n.Network])
	for _, text := range n.Addresses {
		own := net.IPv4
		if strings.Contains(text, ":") {
			own = net.IPv6
		}
		address, _ := b.address(written2addr(text), text, own, false)
		nic.Addresses = append(nic.Addresses, address)
	}
	for _, r := range n.Routes {
		nic.Routes = append(nic.Routes, resource.Route(r))
	}
	nic.Publish = publish(n.Publish)
	slices.Sort(nic.Addresses)
	slices.Sort(nic.Prefixes)
	slices.SortFunc(nic.Routes, func(a, b resource.Route) int { return cmp.Compare(a.To, b.To) })
}

// publish are published ports in their order.
func publish(said []spec.Publish) []resource.Publish {
	var list []resource.Publish
	for _, p := range said {
		to := p.HostPort()
		if p.To != nil {
			to = *p.To
		}
		list = append(list, resource.Publish{Port: p.HostPort(), To: to, Protocol: cmp.Or(p.Protocol, "tcp")})
	}
	slices.SortFunc(list, func(a, b resource.Publish) int { return a.Port - b.Port })
	return list
}
