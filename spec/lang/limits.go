package lang

import "strake/spec"

func limitsBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"memory":    {read: size, set: func(c *spec.Container, _ string, v any) { c.Limits.Memory = v.(int64) }},
		"cpus":      {read: amount, set: func(c *spec.Container, _ string, v any) { c.Limits.CPUs = v.(float64) }},
		"processes": {read: count, set: func(c *spec.Container, _ string, v any) { c.Limits.Processes = v.(int64) }},
	}}
}
