package desired

import (
	"errors"
	"fmt"

	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/spec"
)

// Site is where a system layer is built: ids and, with a network, an
// interface that no container has. None of it is a choice that stays.
func Site(led ledger.Ledger, pool []idmap.Range, network *resource.Network, uuid func() string) (resource.Container, error) {
	const site = " build" // no container has such a name
	b := &builder{
		in: Input{Ledger: led, Pool: pool, UUID: uuid}, draft: led.Edit(ledger.Host{Pool: pool, UUID: uuid}),
		networks: map[string]resource.Network{}, contents: map[string]string{},
	}
	c := spec.Container{Name: site}
	if network != nil {
		if network.External {
			return resource.Container{}, fmt.Errorf("build.network: %s is a bridge that strake does not manage: there is no address for a build on it", network.Name)
		}
		b.networks[network.Name] = *network
		c.NICs = []spec.NIC{{Name: "eth0", Network: network.Name}}
	}
	made := []resource.Container{b.container(c)}
	b.interfaces(made)
	made[0].Networks = b.networksOf(made[0])
	return made[0], errors.Join(b.errs...)
}
