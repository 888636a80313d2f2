package lang

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

func lifecycleBlock() *block[spec.Container] {
	return &block[spec.Container]{settings: map[string]setting[spec.Container]{
		"protect":        {read: flag, set: func(c *spec.Container, _ string, v any) { c.Protect = v.(bool) }},
		"drift":          {read: text, set: func(c *spec.Container, _ string, v any) { c.Drift = v.(string) }},
		"ignore_changes": {read: settingPaths, set: func(c *spec.Container, _ string, v any) { c.Ignore = v.([]string) }},
	}}
}

// settingPaths reads a list of settings, in the form that plans print.
func settingPaths(v cty.Value) (any, error) {
	list, err := texts(v)
	if err != nil {
		return nil, err
	}
	paths := list.([]string)
	for i := range paths {
		paths[i] = canonical(paths[i])
	}
	return paths, nil
}

// dependsSetting is a list of containers. It is the only setting that may
// refer to them.
func (l *loader) dependsSetting() setting[spec.Container] {
	return setting[spec.Container]{read: l.dependencies, sees: []string{"container"}, set: func(c *spec.Container, _ string, v any) { c.DependsOn = v.([]string) }}
}

func (l *loader) dependencies(v cty.Value) (any, error) {
	var refs []reference
	if err := gather(v, "container", &refs); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(refs))
	seen := make(map[string]bool, len(refs))
	for _, r := range refs {
		name := l.heads[r.name].nameOf(r.key)
		if name == "" {
			return nil, fmt.Errorf("names no container: %s", quote(r.name))
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names, nil
}
