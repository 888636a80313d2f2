package spec_test

import (
	"slices"
	"strings"
	"testing"

	"strake/spec"
)

// TestLanguage: every block and word says what it is, once.
func TestLanguage(t *testing.T) {
	for _, b := range spec.Language().Blocks {
		described(t, b.Name, b)
	}
}

func described(t *testing.T, path string, b *spec.Block) {
	if !strings.HasSuffix(b.Doc, ".") {
		t.Errorf("%s: documentation %q", path, b.Doc)
	}
	if len(b.Words)+len(b.Blocks) == 0 && path != "locals" {
		t.Errorf("%s has nothing in it", path)
	}
	var seen []string
	for _, w := range b.Words {
		if w.Type == "" || w.Default == "" || !strings.HasSuffix(w.Doc, ".") || slices.Contains(seen, w.Name) {
			t.Errorf("%s.%s: %+v", path, w.Name, w)
		}
		if w.Values != nil && !w.Required() && !slices.Contains(w.Values, strings.Trim(w.Default, `"`)) {
			t.Errorf("%s.%s: the default %s is none of %q", path, w.Name, w.Default, w.Values)
		}
		seen = append(seen, w.Name)
	}
	for _, in := range b.Blocks {
		described(t, path+"."+in.Name, in)
	}
}
