package resource

import "net/netip"

// Forward is a port of the host that leads to one of a container, in one
// family and protocol.
type Forward struct {
	Device   string // of the container's interface
	Protocol string // "tcp" or "udp"
	Port     int    // of the host
	Address  string
	To       int
}

// Forwards is what the interface's published ports come to: each leads to its
// first address of each family.
func (n NIC) Forwards() []Forward {
	var list []Forward
	for _, p := range n.Publish {
		for _, a := range n.firsts() {
			for _, protocol := range p.Protocols() {
				list = append(list, Forward{n.Device, protocol, p.Port, a.String(), p.To})
			}
		}
	}
	return list
}

// Protocols are those that the port is published for.
func (p Publish) Protocols() []string {
	if p.Protocol == "both" {
		return []string{"tcp", "udp"}
	}
	return []string{p.Protocol}
}

// firsts are the first address of each family.
func (n NIC) firsts() []netip.Addr {
	var four, six []netip.Addr
	list, _ := n.AddressPrefixes()
	for _, p := range list {
		switch {
		case p.Addr().Is4():
			four = append(four, p.Addr())
		case !p.Addr().IsLinkLocalUnicast():
			six = append(six, p.Addr())
		}
	}
	return append(four[:min(1, len(four))], six[:min(1, len(six))]...)
}
