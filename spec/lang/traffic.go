package lang

import "strake/spec"

func rateBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"ingress": {read: rate, set: onNIC(func(n *spec.NIC, v any) { n.Limits.Ingress = v.(int64) })},
		"egress":  {read: rate, set: onNIC(func(n *spec.NIC, v any) { n.Limits.Egress = v.(int64) })},
	}}
}

func routeBlock() *block[spec.Container] {
	on := func(set func(r *spec.Route, v any)) func(*spec.Container, string, any) {
		return inNIC(func(n *spec.NIC) []spec.Route { return n.Routes }, func(r *spec.Route) string { return r.To }, set)
	}
	return &block[spec.Container]{
		label: "prefix",
		present: func(c *spec.Container, label string) {
			nic, to := inner(label)
			onNIC(func(n *spec.NIC, _ any) { n.Routes = append(n.Routes, spec.Route{To: to}) })(c, nic, nil)
		},
		settings: map[string]setting[spec.Container]{
			"via": {read: text, set: on(func(r *spec.Route, v any) { r.Via = v.(string) })},
		},
	}
}

func publishBlock() *block[spec.Container] {
	on := func(set func(p *spec.Publish, v any)) func(*spec.Container, string, any) {
		return inNIC(func(n *spec.NIC) []spec.Publish { return n.Publish }, func(p *spec.Publish) string { return p.Port }, set)
	}
	return &block[spec.Container]{
		label: "port",
		present: func(c *spec.Container, label string) {
			nic, port := inner(label)
			onNIC(func(n *spec.NIC, _ any) { n.Publish = append(n.Publish, spec.Publish{Port: port}) })(c, nic, nil)
		},
		settings: map[string]setting[spec.Container]{
			"to":       {read: port, set: on(func(p *spec.Publish, v any) { n := v.(int); p.To = &n })},
			"protocol": {read: text, set: on(func(p *spec.Publish, v any) { p.Protocol = v.(string) })},
		},
	}
}

// inletBlock is a published port of the container's own, without an interface.
func inletBlock() *block[spec.Container] {
	return &block[spec.Container]{
		label: "port",
		present: func(c *spec.Container, label string) {
			c.Publish = append(c.Publish, spec.Publish{Port: label})
		},
		settings: map[string]setting[spec.Container]{
			"to": {read: port, set: func(c *spec.Container, label string, v any) {
				n := v.(int)
				onOne(c.Publish, func(p *spec.Publish) string { return p.Port }, label, func(p *spec.Publish) { p.To = &n })
			}},
		},
	}
}

// inNIC finds the one of an interface's list that a setting belongs to.
func inNIC[T any](list func(*spec.NIC) []T, label func(*T) string, set func(t *T, v any)) func(*spec.Container, string, any) {
	return func(c *spec.Container, labels string, v any) {
		nic, own := inner(labels)
		onNIC(func(n *spec.NIC, v any) { onOne(list(n), label, own, func(t *T) { set(t, v) }) })(c, nic, v)
	}
}

// onOne finds the one with the label, from the end: settings go in the order
// of their paths, so it is nearly always the last.
func onOne[T any](list []T, label func(*T) string, wanted string, do func(*T)) {
	for i := len(list) - 1; i >= 0; i-- {
		if label(&list[i]) == wanted {
			do(&list[i])
			return
		}
	}
}
