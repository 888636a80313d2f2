package lang

import "strake/spec"

func mountBlock() *block[spec.Container] {
	return &block[spec.Container]{
		label:   "target",
		present: func(c *spec.Container, target string) { c.Mounts = append(c.Mounts, spec.Mount{Target: target}) },
		settings: map[string]setting[spec.Container]{
			"source":   {read: text, set: onMount(func(m *spec.Mount, v any) { m.Source = v.(string) })},
			"volume":   {read: to("volume"), set: onMount(func(m *spec.Mount, v any) { m.Volume = v.(string) })},
			"readonly": {read: flag, set: onMount(func(m *spec.Mount, v any) { m.ReadOnly = v.(bool) })},
		},
	}
}

// onMount finds the mount that a setting belongs to, as onNIC does.
func onMount(set func(m *spec.Mount, v any)) func(*spec.Container, string, any) {
	return func(c *spec.Container, target string, v any) {
		for i := len(c.Mounts) - 1; i >= 0; i-- {
			if c.Mounts[i].Target == target {
				set(&c.Mounts[i], v)
				return
			}
		}
	}
}
