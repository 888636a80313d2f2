package ledger

import (
	"maps"
	"net/netip"
	"slices"

	"strake/reconcile/idmap"
)

// Host is what the choices must fit into.
type Host struct {
	Pool  []idmap.Range // ids that root may give away
	Taken []idmap.Range // ids that others on the host use, this installation's containers left out
	UUID  func() string // required: a new random uuid
}

// Draft is a ledger while choices are made. What is there already is kept.
// It is not safe for use by several goroutines.
type Draft struct {
	l       Ledger
	host    Host
	room    []idmap.Range // the pool without what others use
	ids     *idmap.Space
	macs    map[string]owner
	devices map[string]owner
	used    map[string]*addresses // by network
}

// owner is an interface of a container, or with nic "" the bridge of a network.
type owner struct{ name, nic string }

// Edit starts a draft. The ledger itself never changes.
func (l Ledger) Edit(h Host) *Draft {
	d := &Draft{
		l: l.clone(), host: h,
		room: idmap.Subtract(h.Pool, slices.Concat(h.Taken, l.brought())),
		macs: map[string]owner{}, devices: map[string]owner{}, used: map[string]*addresses{},
	}
	for name, e := range d.l.Containers {
		for nic, n := range e.NICs {
			d.index(owner{name, nic}, n)
		}
	}
	for name, n := range d.l.Networks {
		if n.MAC != "" {
			d.macs[n.MAC] = owner{name: name}
		}
	}
	d.rebuild()
	return d
}

func (d *Draft) index(o owner, n NICEntry) {
	if n.MAC != "" {
		d.macs[n.MAC] = o
	}
	if n.Device != "" {
		d.devices[n.Device] = o
	}
	for network, a := range n.IPv4 {
		d.network(network).owners[a.IP] = o
	}
	for network, a := range n.IPv6 {
		d.network(network).owners[a.IP] = o
	}
	for network, list := range n.Further {
		for _, ip := range list {
			d.network(network).further[ip] = o
		}
	}
}

func (d *Draft) network(name string) *addresses {
	if d.used[name] == nil {
		d.used[name] = &addresses{owners: map[netip.Addr]owner{}, further: map[netip.Addr]owner{}}
	}
	return d.used[name]
}

// Ledger is the draft as it stands.
func (d *Draft) Ledger() Ledger { return d.l.clone() }

// Entry is what was chosen for a container so far. Its maps are the draft's
// own: to be read only.
func (d *Draft) Entry(name string) Entry { return d.l.Containers[name] }

func (d *Draft) change(name string, f func(*Entry)) {
	e := d.l.Containers[name]
	f(&e)
	d.l.Containers[name] = e
}

func (d *Draft) changeNIC(o owner, f func(*NICEntry)) {
	d.change(o.name, func(e *Entry) {
		if e.NICs == nil {
			e.NICs = map[string]NICEntry{}
		}
		n := e.NICs[o.nic]
		f(&n)
		e.NICs[o.nic] = n
	})
}

// UUID is the container's own: it tells it from every other of that name,
// before and after.
func (d *Draft) UUID(name string) string {
	if d.Entry(name).UUID == "" {
		d.change(name, func(e *Entry) { e.UUID = d.host.UUID() })
	}
	return d.Entry(name).UUID
}

// IDs is the container's range of ids, shared with no other container. A
// wish for another size is a new choice. Errors: idmap.ErrFull.
func (d *Draft) IDs(name string, size uint32) (idmap.Range, error) {
	old := d.Entry(name).IDMap
	if old.Size == size && size != 0 {
		return old, nil
	}
	r, err := d.ids.Take(size)
	if err != nil {
		return idmap.Range{}, err
	}
	d.release(old)
	d.change(name, func(e *Entry) { e.IDMap = r })
	return r, nil
}

// release gives back what of a range is of the pool: an old range need not
// be of today's.
func (d *Draft) release(r idmap.Range) {
	for _, part := range idmap.Intersect([]idmap.Range{r}, d.room) {
		d.ids.Release(part)
	}
}

// Layer is the number of a new writable layer: one that was never used.
func (d *Draft) Layer(name string) int {
	d.change(name, func(e *Entry) { e.Writable++ })
	return d.Entry(name).Writable
}

// Layers notes that these numbers are used.
func (d *Draft) Layers(name string, numbers []int) {
	for _, n := range numbers {
		if n > d.Entry(name).Writable {
			d.change(name, func(e *Entry) { e.Writable = n })
		}
	}
}

// brought are the ids that containers came with.
func (l Ledger) brought() []idmap.Range {
	var list []idmap.Range
	for _, name := range slices.Sorted(maps.Keys(l.Containers)) {
		list = append(list, l.Containers[name].Brought...)
	}
	return list
}

// Adopt writes down what a container has that was not made here. What was
// chosen for one of that name before is freed. Errors: *TakenError for a MAC
// or a host's name of an interface that is another's.
func (d *Draft) Adopt(name string, e Entry) error {
	e.UUID, e.Adopted = d.host.UUID(), true
	return d.enter(name, e)
}

// Return writes down again what a container has that comes back. Ids that are
// somebody else's by now it does not get. Errors: *TakenError, as Adopt.
func (d *Draft) Return(name string, e Entry) error {
	for other, o := range d.l.Containers {
		if other != name && slices.ContainsFunc(append(slices.Clone(o.Brought), o.IDMap), e.IDMap.Overlaps) {
			e.IDMap = idmap.Range{}
		}
	}
	return d.enter(name, e)
}

func (d *Draft) enter(name string, e Entry) error {
	d.Forget(name)
	nics := e.NICs
	e.NICs = map[string]NICEntry{}
	d.l.Containers[name] = e
	for _, nic := range slices.Sorted(maps.Keys(nics)) {
		n := nics[nic]
		if have, taken := d.macs[n.MAC]; taken && n.MAC != "" {
			return &TakenError{n.MAC, name, nic, have.name, have.nic}
		}
		if have, taken := d.devices[n.Device]; taken && n.Device != "" {
			return &TakenError{n.Device, name, nic, have.name, have.nic}
		}
		for _, family := range []map[string]Address{n.IPv4, n.IPv6} {
			for network, a := range family {
				if have, taken := d.network(network).owners[a.IP]; taken {
					return &TakenError{a.IP.String(), name, nic, have.name, have.nic}
				}
			}
		}
		e.NICs[nic] = n
		d.index(owner{name, nic}, n)
	}
	d.room = idmap.Subtract(d.room, e.Brought)
	d.rebuild()
	return nil
}

// rebuild finds the free ids again.
func (d *Draft) rebuild() {
	var own []idmap.Range
	for _, e := range d.l.Containers {
		own = append(own, e.IDMap)
	}
	d.ids = idmap.NewSpace(d.room, own)
}

// Forget frees everything that was chosen for a container.
func (d *Draft) Forget(name string) {
	e := d.Entry(name)
	for nic := range e.NICs {
		d.ForgetNIC(name, nic)
	}
	d.release(e.IDMap)
	delete(d.l.Containers, name)
}

// Rename gives all that was chosen for a container to its new name. What was
// chosen for one of that name before is freed.
func (d *Draft) Rename(from, to string) {
	e, ok := d.l.Containers[from]
	if !ok || from == to {
		return
	}
	d.Forget(to)
	delete(d.l.Containers, from)
	d.l.Containers[to] = e
	for nic, n := range e.NICs {
		d.index(owner{to, nic}, n)
	}
}

// ForgetNIC frees everything that was chosen for one interface.
func (d *Draft) ForgetNIC(name, nic string) {
	n, ok := d.Entry(name).NICs[nic]
	if !ok {
		return
	}
	delete(d.macs, n.MAC)
	delete(d.devices, n.Device)
	for network, a := range n.IPv4 {
		d.network(network).free(a.IP)
	}
	for network, a := range n.IPv6 {
		d.network(network).free(a.IP)
	}
	d.freeFurther(n)
	delete(d.Entry(name).NICs, nic)
}

// ForgetNetwork frees the bridge's MAC. The addresses of containers on it are
// theirs until they are forgotten.
func (d *Draft) ForgetNetwork(name string) {
	delete(d.macs, d.l.Networks[name].MAC)
	delete(d.l.Networks, name)
}
