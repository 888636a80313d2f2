package lang

import (
	"time"

	"github.com/hashicorp/hcl/v2"

	"strake/spec"
)

func egressBlock() *block[spec.Egress] {
	return &block[spec.Egress]{
		settings: map[string]setting[spec.Egress]{
			"allow":    {read: texts, set: func(e *spec.Egress, _ string, v any) { e.Allow = v.([]string) }},
			"deny":     {read: texts, set: func(e *spec.Egress, _ string, v any) { e.Deny = v.([]string) }},
			"ports":    {read: numberList, set: func(e *spec.Egress, _ string, v any) { e.Ports = v.([]int) }},
			"mode":     {read: text, set: func(e *spec.Egress, _ string, v any) { e.Mode = v.(string) }},
			"upstream": {read: text, set: func(e *spec.Egress, _ string, v any) { e.Upstream = v.(string) }},
			"via":      {read: text, set: func(e *spec.Egress, _ string, v any) { e.Via = v.(string) }},

			"upstream_user":     {read: text, set: func(e *spec.Egress, _ string, v any) { e.UpstreamUser = v.(string) }},
			"upstream_password": {read: secretOnly, hidden: true, set: func(e *spec.Egress, _ string, v any) { e.UpstreamPassword = v.(spec.Confidential) }},
		},
		blocks: map[string]*block[spec.Egress]{"limits": {settings: map[string]setting[spec.Egress]{
			"connections": {read: small, set: func(e *spec.Egress, _ string, v any) { e.Limits.Connections = v.(int) }},
			"rate":        {read: rate, set: func(e *spec.Egress, _ string, v any) { e.Limits.Rate = v.(int64) }},
			"daily":       {read: size, set: func(e *spec.Egress, _ string, v any) { e.Limits.Daily = v.(int64) }},
			"idle":        {read: duration, set: func(e *spec.Egress, _ string, v any) { e.Limits.Idle = v.(time.Duration) }},
		}}},
	}
}

// egressSetting attaches a container: egress = egress.NAME, or a list.
func egressSetting() setting[spec.Container] {
	return setting[spec.Container]{refs: "egress", set: func(c *spec.Container, name string, _ any) { c.Egress = append(c.Egress, name) }}
}

func (l *loader) readEgress(blocks hcl.Blocks) {
	l.stack.Egress = declared(l, blocks, egressBlock(), func(e *spec.Egress, label string, pos spec.Pos, at map[string]spec.Pos) {
		e.Name, e.Pos, e.At = label, pos, at
	})
}
