package resource

import (
	"slices"
	"strings"
	"testing"
)

func layered(s System) Container {
	return Container{Image: Image{Source: "x", Digest: "sha256-" + strings.Repeat("a", 64)}, System: &s}.Layered()
}

// TestRecipes: packages come by themselves, with the files of their manager,
// and are shared whatever else there is.
func TestRecipes(t *testing.T) {
	source := File{Path: "/etc/apt/sources.list.d/x.list", Content: "deb x"}
	page := File{Path: "/srv/x", Content: "x"}
	both := layered(System{Packages: []string{"nginx"}, Files: []File{source, page}, Run: []string{"true"}})
	if r := both.Recipes(); len(r) != 2 || r[0].Parent != both.Image.Digest || r[1].Parent != r[0].Key() ||
		!slices.Equal(r[0].System.Files, []File{source}) || !slices.Equal(r[1].System.Files, []File{page}) || len(r[1].System.Packages) > 0 {
		t.Errorf("recipes are %+v", r)
	}
	other := layered(System{Packages: []string{"nginx"}, Files: []File{source}, Run: []string{"false"}})
	if both.Layers[1] != other.Layers[1] || both.Layers[0] == other.Layers[0] {
		t.Errorf("shared: %q and %q", both.Layers, other.Layers)
	}
	for name, s := range map[string]System{
		"packages alone":             {Packages: []string{"nginx"}},
		"a manager's file alone":     {Files: []File{source}},
		"commands alone":             {Run: []string{"true"}},
		"a manager's file, commands": {Files: []File{source}, Run: []string{"true"}},
	} {
		if c := layered(s); len(c.Layers) != 1 {
			t.Errorf("%s: %d layers", name, len(c.Layers))
		}
	}
}

// TestKey: whatever changes what is built is another layer.
func TestKey(t *testing.T) {
	seen := map[string]string{}
	for name, s := range map[string]System{
		"one":     {Run: []string{"a", "b"}},
		"order":   {Run: []string{"b", "a"}},
		"content": {Files: []File{{Path: "/x", Content: "1"}}},
		"other":   {Files: []File{{Path: "/x", Content: "2"}}},
		"mode":    {Files: []File{{Path: "/x", Content: "2", Mode: "0600"}}},
		"user":    {Users: []User{{Name: "x"}}},
		"uid":     {Users: []User{{Name: "x", UID: 7}}},
		"service": {Services: []Service{{Name: "x"}}},
		"on":      {Services: []Service{{Name: "x", Enabled: true}}},
	} {
		c := layered(s)
		if was, ok := seen[c.Layers[0]]; ok {
			t.Errorf("%s and %s are one layer", name, was)
		}
		seen[c.Layers[0]] = name
		c.Image.Digest = "sha256-" + strings.Repeat("b", 64)
		if c.Layered().Layers[0] == c.Layers[0] {
			t.Errorf("%s: the same on another image", name)
		}
	}
	if c := (Container{System: &System{Run: []string{"a"}}}).Layered(); c.Layers != nil {
		t.Errorf("layers of an image that nobody knows: %q", c.Layers)
	}
}
