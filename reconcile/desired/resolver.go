package desired

import (
	"slices"

	"strake/reconcile/resource"
)

// mostServers is how many a resolver asks (resolv.conf(5), MAXNS).
const mostServers = 3

// resolver is whom a container asks: the bridges of its networks that answer
// for names. One address of each will do, of a family that the interface has.
// A file of the text's own in that place says it all by itself.
func (b *builder) resolver(c resource.Container) resource.Resolver {
	var r resource.Resolver
	if slices.ContainsFunc(c.Files, func(f resource.File) bool { return f.Path == "/etc/resolv.conf" }) {
		return r
	}
	for _, n := range c.NICs {
		net := b.truly(b.networks[n.Network])
		server := serverFor(n, net)
		if !net.DNS || server == "" || slices.Contains(r.Servers, server) || len(r.Servers) == mostServers {
			continue
		}
		r.Servers, r.Search = append(r.Servers, server), append(r.Search, net.Name)
	}
	return r
}

func serverFor(n resource.NIC, net resource.Network) string {
	four, six := prefix(net.IPv4), prefix(net.IPv6)
	switch {
	case n.IPv4 != "" && four.IsValid():
		return four.Addr().String()
	case n.IPv6 != "" && six.IsValid():
		return six.Addr().String()
	case net.IPv6 == "link-local":
		return "fe80::1%" + n.Name
	}
	return ""
}
