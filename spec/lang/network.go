package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

// bridge is the name of one.
func bridge(v cty.Value) (any, error) {
	if v.Type() != cty.String {
		return nil, fmt.Errorf(`must be the name of a bridge of the host such as "br0", not %s`, friendly(v))
	}
	return v.AsString(), nil
}

func (l *loader) networkBlock() *block[spec.Network] {
	return &block[spec.Network]{blocks: map[string]*block[spec.Network]{"nat": natBlock(), "dns": dnsBlock()}, settings: map[string]setting[spec.Network]{
		"external":    {read: bridge, set: func(n *spec.Network, _ string, v any) { n.External = v.(string) }},
		"bridge":      {read: text, set: func(n *spec.Network, _ string, v any) { n.Bridge = v.(string) }},
		"ipv4":        {read: text, set: func(n *spec.Network, _ string, v any) { n.IPv4 = v.(string) }},
		"ipv6":        {read: text, set: func(n *spec.Network, _ string, v any) { n.IPv6 = v.(string) }},
		"nat":         {read: flag, set: func(n *spec.Network, _ string, v any) { n.NAT = v.(bool) }},
		"dhcp":        {read: flag, set: func(n *spec.Network, _ string, v any) { n.DHCP = v.(bool) }},
		"dns":         {read: flag, set: func(n *spec.Network, _ string, v any) { n.DNS = v.(bool) }},
		"ra":          {read: flag, set: func(n *spec.Network, _ string, v any) { n.RA = v.(bool) }},
		"isolate":     {read: flag, set: func(n *spec.Network, _ string, v any) { n.Isolate = v.(bool) }},
		"host_access": {read: flag, set: func(n *spec.Network, _ string, v any) { n.HostAccess = v.(bool) }},
		"mtu":         {read: small, set: func(n *spec.Network, _ string, v any) { n.MTU = v.(int) }},
	}}
}

// natBlock is nat { ... }: to write one switches it on.
func natBlock() *block[spec.Network] {
	return &block[spec.Network]{
		present: func(n *spec.Network, _ string) { n.NAT = true },
		settings: map[string]setting[spec.Network]{
			"interface": {read: text, set: func(n *spec.Network, _ string, v any) { n.NATThrough = v.(string) }},
		},
	}
}

// dnsBlock is dns { ... }, likewise.
func dnsBlock() *block[spec.Network] {
	return &block[spec.Network]{
		present: func(n *spec.Network, _ string) { n.DNS = true },
		settings: map[string]setting[spec.Network]{
			"upstream": {read: texts, set: func(n *spec.Network, _ string, v any) { n.Upstream = v.([]string) }},
		},
	}
}

func (l *loader) readNetworks(blocks hcl.Blocks) {
	before := len(l.diags)
	l.stack.Networks = declared(l, blocks, l.networkBlock(), func(n *spec.Network, label string, pos spec.Pos, at map[string]spec.Pos) {
		n.Name, n.Pos, n.At = label, pos, at
	})
	l.networksBroken = len(l.diags) > before
}
