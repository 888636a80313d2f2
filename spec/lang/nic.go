package lang

import (
	"net"

	"strake/spec"
)

func nicBlock() *block[spec.Container] {
	return &block[spec.Container]{
		label:   "interface",
		present: func(c *spec.Container, name string) { c.NICs = append(c.NICs, spec.NIC{Name: name}) },
		settings: map[string]setting[spec.Container]{
			"network":   {read: to("network"), set: onNIC(func(n *spec.NIC, v any) { n.Network = v.(string) })},
			"type":      {read: text, set: onNIC(func(n *spec.NIC, v any) { n.Type = v.(string) })},
			"ipv4":      {read: text, set: onNIC(func(n *spec.NIC, v any) { n.IPv4 = v.(string) })},
			"ipv6":      {read: text, set: onNIC(func(n *spec.NIC, v any) { n.IPv6 = v.(string) })},
			"mac":       {read: text, set: onNIC(func(n *spec.NIC, v any) { n.MAC = plainMAC(v.(string)) })},
			"parent":    {read: text, set: onNIC(func(n *spec.NIC, v any) { n.Parent = v.(string) })},
			"vlan":      {read: small, set: onNIC(func(n *spec.NIC, v any) { n.VLAN = v.(int) })},
			"addresses": {read: texts, set: onNIC(func(n *spec.NIC, v any) { n.Addresses = v.([]string) })},
			"prefixes":  {read: texts, set: onNIC(func(n *spec.NIC, v any) { n.Prefixes = v.([]string) })},
			"gateway4":  {read: text, set: onNIC(func(n *spec.NIC, v any) { n.Gateway4 = v.(string) })},
			"gateway6":  {read: text, set: onNIC(func(n *spec.NIC, v any) { n.Gateway6 = v.(string) })},
			"mtu":       {read: small, set: onNIC(func(n *spec.NIC, v any) { n.MTU = v.(int) })},
		},
		blocks: map[string]*block[spec.Container]{"filter": filterBlock(), "limits": rateBlock(), "route": routeBlock(), "publish": publishBlock()},
	}
}

func filterBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"mac":  {read: flag, set: onNIC(func(n *spec.NIC, v any) { on := v.(bool); n.Filter.MAC = &on })},
		"ipv4": {read: flag, set: onNIC(func(n *spec.NIC, v any) { on := v.(bool); n.Filter.IPv4 = &on })},
		"ipv6": {read: flag, set: onNIC(func(n *spec.NIC, v any) { on := v.(bool); n.Filter.IPv6 = &on })},
	}}
}

// plainMAC writes a MAC as the kernel does; what is none stays as it is.
func plainMAC(text string) string {
	if mac, err := net.ParseMAC(text); err == nil && len(mac) == 6 {
		return mac.String()
	}
	return text
}

// onNIC finds the interface that a setting belongs to: nearly always the last
// one, because settings go in the order of their paths.
func onNIC(set func(n *spec.NIC, v any)) func(*spec.Container, string, any) {
	return func(c *spec.Container, name string, v any) {
		for i := len(c.NICs) - 1; i >= 0; i-- {
			if c.NICs[i].Name == name {
				set(&c.NICs[i], v)
				return
			}
		}
	}
}
