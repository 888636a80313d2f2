package reconcile

import (
	"cmp"
	"maps"
	"slices"

	"strake/reconcile/adopt"
	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/spec"
)

// pool are the ids of the host that root may give to containers.
func (e *Engine) pool() ([]idmap.Range, error) {
	ranges, err := e.Host.Subids.Pool()
	if err != nil {
		return nil, err
	}
	list := make([]idmap.Range, len(ranges))
	for i, r := range ranges {
		list[i] = idmap.Range{Base: r.Base, Size: r.Size}
	}
	return list, nil
}

// freeIDs are the pool without those that the host's containers have which strake
// does not manage, running or not: other LXC containers, LXD's, Incus's. To read
// their configurations takes its time, so it is for when a range has to be chosen.
func (e *Engine) freeIDs(in scene) ([]idmap.Range, error) {
	pool, err := e.pool()
	if err != nil {
		return nil, err
	}
	var others []idmap.Range
	for _, name := range slices.Sorted(maps.Keys(in.states)) {
		if _, ours := in.standing[name]; ours || in.forgotten[name] {
			continue
		}
		f, _ := e.Host.Containers.Foreign(name) // one that can't be read whole can't start
		others = append(others, adopt.Mapped(f.Lines)...)
	}
	elsewhere, err := e.Host.Containers.Elsewhere()
	if err != nil {
		return nil, err
	}
	for _, lines := range elsewhere {
		others = append(others, adopt.Mapped(lines)...)
	}
	return idmap.Subtract(pool, lived(pool, others)), nil
}

// lived are the ids of containers that anything can be expected to have. One that
// is not isolated from others has all ids of root by LXD, and leaves none: of such
// a range the first 65536 count, which is what a system in it knows.
func lived(pool, ranges []idmap.Range) []idmap.Range {
	var list []idmap.Range
	for _, r := range ranges {
		if slices.ContainsFunc(pool, func(p idmap.Range) bool { return p.Size >= 100*65536 && r.Size > p.Size/2 && r.Overlaps(p) }) {
			r.Size = 65536
		}
		list = append(list, r)
	}
	return list
}

// choosesIDs says whether some container is to get a range of ids.
func choosesIDs(s spec.Stack, led ledger.Ledger) bool {
	return slices.ContainsFunc(s.Containers, func(c spec.Container) bool {
		return led.Containers[c.Name].IDMap.Size != cmp.Or(c.IDMap.Size, 65536)
	})
}
