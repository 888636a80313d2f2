package lang

import (
	"time"

	"strake/spec"
)

func healthBlock() *block[spec.Container] {
	span := func(of func(h *spec.Health) *time.Duration) setting[spec.Container] {
		return setting[spec.Container]{read: duration, set: func(c *spec.Container, _ string, v any) { *of(c.Health) = v.(time.Duration) }}
	}
	return &block[spec.Container]{
		present: func(c *spec.Container, _ string) { c.Health = &spec.Health{} },
		settings: map[string]setting[spec.Container]{
			"start_period": span(func(h *spec.Health) *time.Duration { return &h.StartPeriod }),
			"interval":     span(func(h *spec.Health) *time.Duration { return &h.Interval }),
			"timeout":      span(func(h *spec.Health) *time.Duration { return &h.Timeout }),
			"min_healthy":  span(func(h *spec.Health) *time.Duration { return &h.MinHealthy }),
			"deadline":     span(func(h *spec.Health) *time.Duration { return &h.Deadline }),
			"failures":     {read: small, set: func(c *spec.Container, _ string, v any) { c.Health.Failures = v.(int) }},
		},
		blocks: map[string]*block[spec.Container]{"check": checkBlock()},
	}
}

// checkBlock has the keys of all kinds; which kind has which, package spec knows.
func checkBlock() *block[spec.Container] {
	on := func(read kind, set func(k *spec.Check, v any)) setting[spec.Container] {
		return setting[spec.Container]{read: read, set: func(c *spec.Container, label string, v any) {
			onOne(c.Health.Checks, func(k *spec.Check) string { return k.Name }, label, func(k *spec.Check) { set(k, v) })
		}}
	}
	return &block[spec.Container]{
		label: "kind",
		present: func(c *spec.Container, name string) {
			c.Health.Checks = append(c.Health.Checks, spec.Check{Name: name})
		},
		settings: map[string]setting[spec.Container]{
			"url":      on(text, func(k *spec.Check, v any) { k.URL = v.(string) }),
			"status":   on(small, func(k *spec.Check, v any) { k.Status = v.(int) }),
			"address":  on(text, func(k *spec.Check, v any) { k.Address = v.(string) }),
			"command":  on(texts, func(k *spec.Check, v any) { k.Command = v.([]string) }),
			"names":    on(texts, func(k *spec.Check, v any) { k.Units = v.([]string) }),
			"nic":      on(text, func(k *spec.Check, v any) { k.NIC = v.(string) }),
			"path":     on(text, func(k *spec.Check, v any) { k.Path = v.(string) }),
			"interval": on(duration, func(k *spec.Check, v any) { k.Interval = v.(time.Duration) }),
			"timeout":  on(duration, func(k *spec.Check, v any) { k.Timeout = v.(time.Duration) }),
			"failures": on(small, func(k *spec.Check, v any) { k.Failures = v.(int) }),
		},
	}
}

func updateBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"auto_rollback": {read: flag, set: func(c *spec.Container, _ string, v any) { on := v.(bool); c.Update.AutoRollback = &on }},
		"max_parallel":  {read: small, set: func(c *spec.Container, _ string, v any) { c.Update.MaxParallel = v.(int) }},
		"canary":        {read: small, set: func(c *spec.Container, _ string, v any) { c.Update.Canary = v.(int) }},
	}}
}
