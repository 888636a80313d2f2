package desired

import (
	"cmp"
	"fmt"
	"net"
	"slices"

	"strake/reconcile/resource"
	"strake/spec"
)

// egress are the definitions that the container is attached to.
func (b *builder) egress(c spec.Container) []resource.Egress { return b.definitions(c.Egress) }

func (b *builder) definitions(names []string) []resource.Egress {
	var list []resource.Egress
	for _, e := range b.in.Spec.Egress {
		if slices.Contains(names, e.Name) {
			list = append(list, egress(e))
		}
	}
	slices.SortFunc(list, func(a, b resource.Egress) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func egress(e spec.Egress) resource.Egress {
	ports := slices.Sorted(slices.Values(e.Ports))
	if len(ports) == 0 {
		ports = []int{80, 443}
	}
	made := resource.Egress{
		Name: e.Name, Allow: slices.Sorted(slices.Values(e.Allow)), Deny: slices.Sorted(slices.Values(e.Deny)), Ports: ports,
		Mode: cmp.Or(e.Mode, "enforce"), Upstream: e.Upstream, UpstreamUser: e.UpstreamUser, Limits: resource.EgressLimits(e.Limits),
	}
	if e.UpstreamPassword != (spec.Confidential{}) {
		password := secret(e.UpstreamPassword)
		made.UpstreamPassword = &password
	}
	return made
}

// outlet says where the container finds the proxy, and tells its programs so.
func (b *builder) outlet(made *resource.Container, c spec.Container) {
	if len(c.Egress) == 0 {
		return
	}
	via := map[string]bool{}
	for _, e := range b.in.Spec.Egress {
		if slices.Contains(c.Egress, e.Name) {
			via[cmp.Or(e.Via, "loopback")] = true
		}
	}
	if via["loopback"] {
		made.EgressAt = append(made.EgressAt, resource.LoopbackProxy)
	}
	if via["network"] {
		at, err := b.front(*made)
		b.note(err)
		made.EgressAt = append(made.EgressAt, at)
	}
	through := resource.OutletOf(*made).Through()
	made.Environment = proxied(made.Environment, spec.Proxy{HTTP: through, HTTPS: through, NoProxy: []string{"localhost", "127.0.0.1", "::1"}})
}

// front is where the container finds the proxy on its network: by IPv4 where
// it has an address, which all programs understand, else by an IPv6 one, else by that
// of the link, which not all do. Who asks is known by the sender, so it has to be
// an interface that is held to its own.
func (b *builder) front(c resource.Container) (string, error) {
	why := "it has no bridged interface on a network of its stack"
	for _, n := range c.NICs {
		w := b.networks[n.Network]
		if n.Type != "bridged" || w.External || n.Network == "" {
			continue
		}
		at := answering(n, w)
		switch six := resource.IsIPv6(at); {
		case at == "":
			why = "network " + n.Network + " has no address that it could use"
		case !n.Filter.MAC || six && !n.Filter.IPv6 || !six && !n.Filter.IPv4:
			why = "it is known by its address, and the filters of nic " + n.Name + " that hold it to that are off"
		default:
			return net.JoinHostPort(at, resource.ProxyPort), nil
		}
	}
	return "", fmt.Errorf("container %s: egress by way of the network: %s; take one with via = \"loopback\"", c.Name, why)
}

// answering is the network's own address for an interface.
func answering(n resource.NIC, w resource.Network) string {
	four, six := prefix(w.IPv4), prefix(w.IPv6)
	switch {
	case n.IPv4 != "" && four.IsValid():
		return four.Addr().String()
	case n.IPv6 != "" && six.IsValid():
		return six.Addr().String()
	case w.IPv6 != "":
		return "fe80::1%" + n.Name
	}
	return ""
}
