package desired

import (
	"strake/reconcile/resource"
)

// shared are the managed networks of other stacks, by bridge. A stack may use
// one as an external network; its addresses, and what is filtered on it, are
// the other's all the same.
func shared(managed []resource.Network) map[string]resource.Network {
	byBridge := map[string]resource.Network{}
	for _, n := range managed {
		byBridge[n.Bridge] = n
	}
	return byBridge
}

// truly is the network that an interface comes to be on: the managed one
// where its own name for it is only another word.
func (b *builder) truly(network resource.Network) resource.Network {
	if n, ok := b.shared[network.Bridge]; ok && network.External {
		return n
	}
	return network
}

// pool is what the ledger calls a network: all stacks that use a bridge have
// to agree on whose its addresses are, whatever they call it. No name of a
// network has a space in it.
func (b *builder) pool(network resource.Network) string {
	n := b.truly(network)
	if n.External {
		return "bridge " + n.Bridge
	}
	return n.Name
}

// poolOf is what the ledger calls what an interface is on: one without a
// network is on the network of its parent, or routed by the host alone.
func (b *builder) poolOf(n resource.NIC) string {
	if n.Network == "" {
		return n.Type + " " + n.Parent
	}
	return b.pool(b.networks[n.Network])
}
