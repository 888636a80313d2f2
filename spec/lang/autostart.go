package lang

import (
	"time"

	"strake/spec"
)

// autostartSetting is autostart = true.
func autostartSetting() setting[spec.Container] {
	return setting[spec.Container]{read: flag, set: func(c *spec.Container, _ string, v any) { on := v.(bool); c.Autostart.Enabled = &on }}
}

// autostartBlock is autostart { ... }: to write one switches it on.
func autostartBlock() *block[spec.Container] {
	return &block[spec.Container]{
		present: func(c *spec.Container, _ string) { on := true; c.Autostart.Enabled = &on },
		settings: map[string]setting[spec.Container]{
			"order": {read: small, set: func(c *spec.Container, _ string, v any) { c.Autostart.Order = v.(int) }},
			"delay": {read: duration, set: func(c *spec.Container, _ string, v any) { c.Autostart.Delay = v.(time.Duration) }},
			"group": {read: text, set: func(c *spec.Container, _ string, v any) { c.Autostart.Group = v.(string) }},
		},
	}
}
