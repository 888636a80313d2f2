package reconcile

import (
	"os"
	"slices"
	"strings"

	"strake/generations"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// configDrift lists how the LXC configuration on disk differs from what the
// current generation wrote.
func (e *Engine) configDrift(last standing, d resource.Definition, defined bool) []resource.Setting {
	name := last.Container.Name
	if !defined || d.Include != e.State.Include(name) {
		return []resource.Setting{{Path: resource.Labelled("config", "lxc.include"), Value: orNone(d.Include)}}
	}
	text, err := os.ReadFile(e.State.Include(name))
	if err != nil {
		return []resource.Setting{{Path: resource.Labelled("config", "lxc.include"), Value: "missing"}}
	}
	if generations.Sum(text) == last.Record.Files[state.ConfigFile] {
		return nil
	}
	want, err := e.State.Written(name, last.Generation)
	if err != nil {
		return nil
	}
	return lineDrift(string(want), string(text))
}

func orNone(s string) string {
	if s == "" {
		return "missing"
	}
	return s
}

// lineDrift compares two configurations line by line, by key.
func lineDrift(want, have string) []resource.Setting {
	if want == have {
		return nil
	}
	wanted := strings.Split(want, "\n")
	var list []resource.Setting
	for _, line := range strings.Split(have, "\n") {
		if i := slices.Index(wanted, line); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		list = append(list, resource.Setting{Path: resource.Labelled("config", strings.TrimSpace(key)), Value: strings.TrimSpace(value)})
	}
	for _, line := range wanted {
		key, _, _ := strings.Cut(line, "=")
		path := resource.Labelled("config", strings.TrimSpace(key))
		if !slices.ContainsFunc(list, func(s resource.Setting) bool { return s.Path == path }) {
			list = append(list, resource.Setting{Path: path, Value: "missing"})
		}
	}
	return list
}
