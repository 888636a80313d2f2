package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"strake/reconcile/resource"
	"strake/reconcile/state"
	"strake/spec"
)

// standing is a container that has a current generation.
type standing = state.Standing

// scene is the whole host at one moment.
type scene struct {
	states   map[string]resource.State
	filter   resource.Seen
	networks []resource.Network
	served   []resource.Served
	outlets  map[string]resource.Outlet // by container, as the proxy has them
	standing map[string]standing
	found    map[string]resource.Container // those that are to be taken over, as their configuration says
	texts    map[string]string             // their configurations

	moves     map[string]spec.Moved   // containers that stand under another name yet, by the one that they shall have
	leaving   map[string]bool         // the names that they leave
	removed   map[string]spec.Removed // containers that the text says farewell to, by name
	forgotten map[string]bool         // containers that are managed no more, and keep their ids and addresses
	apart     []resource.Container    // what they are made of
	lost      []string                // those of them that their users have deleted since
	guarded   map[string]resource.NIC // what the firewall holds, by host device
	given     map[string]resource.NIC // what is on record, by host device

	leading map[string][]resource.Forward // published ports that the firewall has, by host device
}

// Warm begins to look at what takes longest, while the text is still being
// read. What goes wrong shows when it is asked for.
func (e *Engine) Warm(ctx context.Context) {
	go func() { _, _ = e.Host.Filter.Observe(ctx) }()
}

// look observes what is there only once, whatever the number of containers.
func (e *Engine) look(ctx context.Context) (scene, error) {
	var s scene
	err := together(
		func() (err error) { s.states, err = e.Host.Containers.States(ctx); return err },
		func() (err error) { s.filter, err = e.Host.Filter.Observe(ctx); return err },
		func() (err error) { s.networks, err = e.Host.Devices.Networks(ctx); return err },
		func() (err error) { s.served, err = e.Host.Leases.Observe(ctx); return err },
		func() (err error) { s.outlets, err = e.outlets(ctx); return err },
		func() (err error) { s.standing, err = e.standing(); return err },
		func() (err error) { s.apart, s.lost, err = e.apart(); return err },
	)
	if err != nil {
		return s, fmt.Errorf("observe host: %w", err)
	}
	for i := range s.networks {
		s.networks[i] = s.serving(filtered(s.networks[i], s.filter))
	}
	s.index()
	return s, nil
}

// index makes the ways by which things are found.
func (s *scene) index() {
	s.forgotten = map[string]bool{}
	for _, c := range s.apart {
		s.forgotten[c.Name] = true
	}
	s.guarded, s.given = map[string]resource.NIC{}, map[string]resource.NIC{}
	for _, n := range s.filter.Guard.NICs {
		s.guarded[n.Device] = n
	}
	s.leading = map[string][]resource.Forward{}
	for _, f := range s.filter.Forwards {
		s.leading[f.Device] = append(s.leading[f.Device], f)
	}
	for _, c := range s.standing {
		for _, n := range c.Container.NICs {
			s.given[n.Device] = n
		}
	}
}

// filtered adds to a bridge what only the firewall shows of a network.
func filtered(n resource.Network, seen resource.Seen) resource.Network {
	for _, f := range seen.Guard.Networks {
		if f.Bridge == n.Bridge {
			n.NAT, n.NATThrough, n.Isolate, n.HostAccess = n.NAT && f.NAT, f.NATThrough, f.Isolate, f.HostAccess
		}
	}
	return n
}

// serving adds what is served on a bridge: only what the firewall lets through is.
func (s scene) serving(n resource.Network) resource.Network {
	for _, f := range s.filter.Guard.Networks {
		for _, served := range s.served {
			if has := served.Network; f.Bridge == n.Bridge && has.Bridge == n.Bridge {
				n.DHCP, n.DNS, n.RA, n.Upstream = has.DHCP && f.DHCP, has.DNS && f.DNS, has.RA && f.RA, has.Upstream
			}
		}
	}
	return n
}

// standing reads the current generation of every container.
func (e *Engine) standing() (map[string]standing, error) {
	names, err := e.State.Containers()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	all := make(map[string]standing, len(names))
	err = atOnce(names, func(name string) error {
		s, err := e.State.Standing(name)
		if err != nil {
			return fmt.Errorf("container %s: %w", name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if s.Generation != 0 {
			all[name] = s
		}
		return nil
	})
	return all, err
}

// apart are the containers that were forgotten: they run on strake's networks
// still. Those that are lost have been deleted since, and the next run clears
// up after them.
func (e *Engine) apart() (list []resource.Container, lost []string, err error) {
	forgotten, err := e.State.Forgotten()
	if err != nil {
		return nil, nil, err
	}
	for _, f := range forgotten {
		_, defined, err := e.Host.Containers.Definition(f.Name)
		if err == nil && !defined {
			lost = append(lost, f.Name)
			continue
		}
		n, err := f.Dir.Book(f.Name).Current()
		if err != nil || n == 0 {
			continue
		}
		c, err := f.Dir.Desired(f.Name, n)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, c)
	}
	return list, lost, nil
}

// guarded are all containers that the firewall has to hold.
func (e *Engine) guarded() ([]resource.Container, error) {
	standing, err := e.standing()
	if err != nil {
		return nil, err
	}
	apart, _, err := e.apart()
	return append(scene{standing: standing}.containers(), apart...), err
}

// has says whether a stack has containers.
func (s scene) has(stack string) bool {
	for _, c := range s.standing {
		if c.Record.Stack == stack {
			return true
		}
	}
	return false
}

// containers lists all that stand, sorted by name.
func (s scene) containers() []resource.Container {
	var list []resource.Container
	for _, name := range slices.Sorted(maps.Keys(s.standing)) {
		list = append(list, s.standing[name].Container)
	}
	return list
}
