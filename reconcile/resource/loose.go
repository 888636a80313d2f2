package resource

import (
	"cmp"
	"slices"
)

// Or is n, with what it leaves open as o has it.
func (n NIC) Or(o NIC) NIC {
	n.Bridge = cmp.Or(n.Bridge, o.Bridge)
	n.Device = cmp.Or(n.Device, o.Device)
	n.MAC = cmp.Or(n.MAC, o.MAC)
	n.IPv4 = cmp.Or(n.IPv4, o.IPv4)
	n.IPv6 = cmp.Or(n.IPv6, o.IPv6)
	n.Gateway4 = cmp.Or(n.Gateway4, o.Gateway4)
	n.Gateway6 = cmp.Or(n.Gateway6, o.Gateway6)
	n.MTU = cmp.Or(n.MTU, o.MTU)
	n.VLAN = cmp.Or(n.VLAN, o.VLAN)
	n.Routes = slices.Concat(n.Routes, o.routesBeside(n, true))
	return n
}

// routesBeside are its routes to what said has, or to all else.
func (n NIC) routesBeside(said NIC, beside bool) (list []Route) {
	for _, r := range n.Routes {
		if slices.ContainsFunc(said.Routes, func(s Route) bool { return s.To == r.To }) != beside {
			list = append(list, r)
		}
	}
	return list
}

// Only is n without what said leaves open.
func (n NIC) Only(said NIC) NIC { return n.masked(said, true) }

// Without is n without what said has.
func (n NIC) Without(said NIC) NIC { return n.masked(said, false) }

func (n NIC) masked(said NIC, keep bool) NIC {
	for _, f := range []struct{ mine, said *string }{
		{&n.Device, &said.Device}, {&n.MAC, &said.MAC}, {&n.IPv4, &said.IPv4}, {&n.IPv6, &said.IPv6},
		{&n.Gateway4, &said.Gateway4}, {&n.Gateway6, &said.Gateway6},
	} {
		if (*f.said != "") != keep {
			*f.mine = ""
		}
	}
	if (said.MTU != 0) != keep {
		n.MTU = 0
	}
	if (said.VLAN != 0) != keep {
		n.VLAN = 0
	}
	n.Oddities, n.Routes = "", n.routesBeside(said, !keep)
	return n
}
