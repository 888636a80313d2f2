package lang

import (
	"time"

	"strake/spec"
)

func systemBlock() *block[spec.Container] {
	return &block[spec.Container]{
		settings: map[string]setting[spec.Container]{
			"packages": {read: texts, set: func(c *spec.Container, _ string, v any) { c.System.Packages = v.([]string) }},
			"run":      {read: texts, set: func(c *spec.Container, _ string, v any) { c.System.Run = v.([]string) }},
		},
		blocks: map[string]*block[spec.Container]{
			"service": serviceBlock(),
			"user":    userBlock(),
			"file":    fileOf(func(c *spec.Container) *[]spec.File { return &c.System.Files }),
		},
	}
}

func serviceBlock() *block[spec.Container] {
	return &block[spec.Container]{
		label: "unit",
		present: func(c *spec.Container, name string) {
			c.System.Services = append(c.System.Services, spec.Service{Name: name})
		},
		settings: map[string]setting[spec.Container]{
			"enabled": {read: flag, set: func(c *spec.Container, name string, v any) {
				onOne(c.System.Services, func(s *spec.Service) string { return s.Name }, name, func(s *spec.Service) { on := v.(bool); s.Enabled = &on })
			}},
		},
	}
}

func userBlock() *block[spec.Container] {
	on := func(set func(u *spec.User, v any)) func(*spec.Container, string, any) {
		return func(c *spec.Container, name string, v any) {
			onOne(c.System.Users, func(u *spec.User) string { return u.Name }, name, func(u *spec.User) { set(u, v) })
		}
	}
	return &block[spec.Container]{
		label:   "name",
		present: func(c *spec.Container, name string) { c.System.Users = append(c.System.Users, spec.User{Name: name}) },
		settings: map[string]setting[spec.Container]{
			"uid":    {read: count, set: on(func(u *spec.User, v any) { u.UID = v.(int64) })},
			"home":   {read: text, set: on(func(u *spec.User, v any) { u.Home = v.(string) })},
			"shell":  {read: text, set: on(func(u *spec.User, v any) { u.Shell = v.(string) })},
			"groups": {read: texts, set: on(func(u *spec.User, v any) { u.Groups = v.([]string) })},
		},
	}
}

func buildBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"network": {read: to("network"), set: func(c *spec.Container, _ string, v any) { c.Build.Network = v.(string) }},
		"egress":  {refs: "egress", set: func(c *spec.Container, name string, _ any) { c.Build.Egress = append(c.Build.Egress, name) }},
		"timeout": {read: duration, set: func(c *spec.Container, _ string, v any) { c.Build.Timeout = v.(time.Duration) }},
	}}
}

func rootfsBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"ephemeral": {read: flag, set: func(c *spec.Container, _ string, v any) { c.Rootfs.Ephemeral = v.(bool) }},
		"size":      {read: size, set: func(c *spec.Container, _ string, v any) { c.Rootfs.Size = v.(int64) }},
	}}
}
