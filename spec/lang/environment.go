package lang

import "strake/spec"

// environmentSetting is a map: each variable merges and is placed by itself.
func environmentSetting() setting[spec.Container] {
	return setting[spec.Container]{read: wordOrSecret, each: true, hidden: true, set: func(c *spec.Container, name string, v any) {
		if s, secret := v.(spec.Confidential); secret {
			if c.Hidden == nil {
				c.Hidden = map[string]spec.Confidential{}
			}
			c.Hidden[name] = s
			return
		}
		if c.Environment == nil {
			c.Environment = map[string]string{}
		}
		c.Environment[name] = v.(string)
	}}
}

// rawSetting is the map of LXC keys that strake has no word for.
func rawSetting() setting[spec.Container] {
	return setting[spec.Container]{read: wordOrWords, each: true, set: func(c *spec.Container, key string, v any) {
		if c.Raw == nil {
			c.Raw = map[string][]string{}
		}
		c.Raw[key] = v.([]string)
	}}
}

func proxyBlock() *block[spec.Container] {
	return &block[spec.Container]{
		present: func(c *spec.Container, _ string) { c.Proxy = &spec.Proxy{} },
		settings: map[string]setting[spec.Container]{
			"http":     {read: text, set: func(c *spec.Container, _ string, v any) { c.Proxy.HTTP = v.(string) }},
			"https":    {read: text, set: func(c *spec.Container, _ string, v any) { c.Proxy.HTTPS = v.(string) }},
			"no_proxy": {read: texts, set: func(c *spec.Container, _ string, v any) { c.Proxy.NoProxy = v.([]string) }},
		},
	}
}
