package reconcile

import (
	"cmp"
	"context"
	"slices"

	"strake/reconcile/resource"
)

// NetworkStatus is one managed network as it is now.
type NetworkStatus struct {
	resource.Network
	Stack   string   `json:"stack,omitempty"`   // "": no stack has it
	Present bool     `json:"present"`           // the bridge is there
	Damage  string   `json:"damage,omitempty"`  // of the firewall around it: "missing", "changed"
	Members []Member `json:"members,omitempty"` // by container
}

// Member is one container's interface on a network.
type Member struct {
	Container string           `json:"container"`
	NIC       string           `json:"nic"`
	IPv4      string           `json:"ipv4,omitempty"`
	IPv6      string           `json:"ipv6,omitempty"`
	Filter    resource.Filter  `json:"filter"`           // as the firewall has it
	Leases    []resource.Lease `json:"leases,omitempty"` // those that it has by DHCP
	Refused   resource.Count   `json:"refused"`          // what the firewall dropped of it
}

// Networks observes the networks of all stacks, and those that are there
// though no stack has them. They come by name.
func (e *Engine) Networks(ctx context.Context) ([]NetworkStatus, error) {
	in, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	stacks, err := e.State.Stacks()
	if err != nil {
		return nil, err
	}
	counts, err := e.Host.Filter.Refused(ctx)
	if err != nil {
		return nil, err
	}
	var list []NetworkStatus
	for _, stack := range stacks {
		for _, n := range e.lastStack(stack).Networks {
			list = append(list, NetworkStatus{Network: n, Stack: stack})
		}
	}
	for _, n := range in.networks {
		i := slices.IndexFunc(list, func(s NetworkStatus) bool { return s.Bridge == n.Bridge })
		if i < 0 {
			list, i = append(list, NetworkStatus{}), len(list)
		}
		list[i].Network, list[i].Present, list[i].Damage = n, true, damage(in, n)
	}
	for i := range list {
		list[i].Members = members(in, list[i].Bridge, counts)
	}
	slices.SortFunc(list, func(a, b NetworkStatus) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

// misled says whether what is served on a network speaks of other interfaces than
// those that stand there.
func misled(in scene, n resource.Network) bool {
	i := slices.IndexFunc(in.served, func(s resource.Served) bool { return s.Network.Bridge == n.Bridge })
	if i < 0 || !n.Serves() {
		return false // that it is not served at all shows by itself
	}
	stand := resource.GuardOf(append(in.containers(), in.apart...)).Guests
	return !in.served[i].Intact || resource.Digest(resource.On(stand, n.Bridge)) != resource.Digest(in.served[i].Guests)
}

// leases are what an interface was given by DHCP.
func (s scene) leases(n resource.NIC) []resource.Lease {
	i := slices.IndexFunc(s.served, func(v resource.Served) bool { return v.Network.Bridge == n.Bridge })
	if i < 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.served[i].Leases), func(l resource.Lease) bool { return l.MAC != n.MAC })
}

func members(in scene, bridge string, counts map[string]resource.Count) []Member {
	var list []Member
	for _, c := range in.containers() {
		for _, n := range c.NICs {
			if n.Bridge == bridge {
				list = append(list, Member{c.Name, n.Name, n.IPv4, n.IPv6, in.guarded[n.Device].Filter, in.leases(n), counts[n.Device]})
			}
		}
	}
	return list
}
