package ledger

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"strake/reconcile/idmap"
)

// Check says whether every thing has one owner. Errors: ErrDamaged.
func (l Ledger) Check() error {
	if err := l.checkRanges(); err != nil {
		return err
	}
	owners := map[any]string{}
	for _, name := range slices.Sorted(maps.Keys(l.Networks)) {
		if err := own(owners, macKey(l.Networks[name].MAC), "network "+name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Containers)) {
		nics := l.Containers[name].NICs
		for _, nic := range slices.Sorted(maps.Keys(nics)) {
			if err := nics[nic].check(owners, name+" "+nic); err != nil {
				return err
			}
		}
	}
	return nil
}

type (
	macKey    string
	deviceKey string
	ipKey     struct {
		network string
		ip      netip.Addr
	}
)

func (n NICEntry) check(owners map[any]string, owner string) error {
	keys := []any{macKey(n.MAC), deviceKey(n.Device)}
	for _, family := range []map[string]Address{n.IPv4, n.IPv6} {
		for _, network := range slices.Sorted(maps.Keys(family)) {
			keys = append(keys, ipKey{network, family[network].IP})
		}
	}
	for _, network := range slices.Sorted(maps.Keys(n.Further)) {
		for _, ip := range n.Further[network] {
			keys = append(keys, ipKey{network, ip})
		}
	}
	for _, key := range keys {
		if err := own(owners, key, owner); err != nil {
			return err
		}
	}
	return nil
}

func own(owners map[any]string, key any, owner string) error {
	if key == macKey("") || key == deviceKey("") {
		return nil
	}
	if other, taken := owners[key]; taken {
		return fmt.Errorf("%w: %v is of %s and of %s", ErrDamaged, key, other, owner)
	}
	owners[key] = owner
	return nil
}

func (l Ledger) checkRanges() error {
	type owned struct {
		idmap.Range
		name string
	}
	var list []owned
	for name, e := range l.Containers {
		if e.IDMap.Size > 0 {
			list = append(list, owned{e.IDMap, name})
		}
	}
	slices.SortFunc(list, func(a, b owned) int {
		return cmp.Or(cmp.Compare(a.Base, b.Base), cmp.Compare(a.name, b.name))
	})
	for i, o := range list {
		if !o.Valid() {
			return fmt.Errorf("%w: ids %s of %s", ErrDamaged, o.Range, o.name)
		}
		if i > 0 && list[i-1].Overlaps(o.Range) {
			return fmt.Errorf("%w: ids %s of %s and %s of %s overlap", ErrDamaged, list[i-1].Range, list[i-1].name, o.Range, o.name)
		}
	}
	return nil
}
