package lang_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// TestRight holds what texts come to, with the place of each setting.
func TestRight(t *testing.T) {
	files, err := filepath.Glob("testdata/right/*.hcl*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	have := map[string]bool{}
	for _, c := range load(t, everything).Containers {
		patterns(have, c.At)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := source.Read(file)
			if err != nil {
				t.Fatal(err)
			}
			stack, diags := lang.Load(text, lang.Variables{})
			if len(diags) > 0 {
				t.Fatal(diags)
			}
			for _, c := range stack.Containers {
				patterns(have, c.At)
			}
			golden(t, strings.TrimSuffix(strings.TrimSuffix(file, ".json"), ".hcl")+".json", rendered(t, stack))
		})
	}
	chosen := []string{"image.digest", "layers", "writable", "idmap.base", `mount["*"].size`, `nic["*"].bridge`, `nic["*"].device`, `nic["*"].oddities`, `secret_file["*"].content`, "resolver.servers", "resolver.search", "egress.at", `config["*"]`}
	for _, k := range spec.Keys() {
		inEgress := strings.HasPrefix(k.Path, `egress["*"].`) // has its place in the egress block
		if !have[k.Path] && !inEgress && !slices.Contains(chosen, k.Path) {
			t.Errorf("no text has the key %s", k.Path)
		}
	}
}

func patterns(have map[string]bool, at map[string]spec.Pos) {
	for path := range at {
		have[spec.Pattern(path)] = true
	}
}

// rendered is a stack as JSON, with places as short lines behind it.
func rendered(t *testing.T, s spec.Stack) string {
	t.Helper()
	var places strings.Builder
	note := func(what string, at map[string]spec.Pos) {
		for _, path := range slices.Sorted(maps.Keys(at)) {
			fmt.Fprintf(&places, "%s %s %s\n", at[path], what, path)
		}
	}
	for i := range s.Networks {
		note("network "+s.Networks[i].Name, s.Networks[i].At)
		s.Networks[i].At = nil
	}
	for i := range s.Volumes {
		note("volume "+s.Volumes[i].Name, s.Volumes[i].At)
		s.Volumes[i].At = nil
	}
	for i := range s.Secrets {
		note("secret "+s.Secrets[i].Name, s.Secrets[i].At)
		s.Secrets[i].At = nil
	}
	for i := range s.Egress {
		note("egress "+s.Egress[i].Name, s.Egress[i].At)
		s.Egress[i].At = nil
	}
	for i := range s.Containers {
		note("container "+s.Containers[i].Name, s.Containers[i].At)
		s.Containers[i].At, s.Containers[i].Via = nil, nil
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		t.Fatal(err)
	}
	text, err = json.MarshalIndent(said(plain), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n\n" + places.String()
}

// said leaves out what was not said: nothing, and places, which are listed.
func said(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if v[key] = said(value); v[key] == nil || key == "Pos" {
				delete(v, key)
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = said(v[i])
		}
	case string:
		if v == "" {
			return nil
		}
	case float64:
		if v == 0 {
			return nil
		}
	}
	return v
}
