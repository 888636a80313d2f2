package lang

import "strake/spec"

func idmapBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"privileged": {read: flag, set: func(c *spec.Container, _ string, v any) { c.IDMap.Privileged = v.(bool) }},
		"size":       {read: ids, set: func(c *spec.Container, _ string, v any) { c.IDMap.Size = v.(uint32) }},
	}}
}
