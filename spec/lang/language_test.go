package lang

import (
	"slices"
	"testing"

	"strake/spec"
	"strake/spec/source"
)

// TestLanguage: what the parser reads into values is what the table of the
// language has, no word more and none less.
func TestLanguage(t *testing.T) {
	l, root := newLoader(source.Text{}), spec.Language()
	same(t, "stack", l.stackBlock(), root.Block("stack"))
	same(t, "secret", secretBlock(), root.Block("secret"))
	same(t, "image", l.imageBlock(), root.Block("image"))
	same(t, "network", l.networkBlock(), root.Block("network"))
	same(t, "volume", volumeBlock(), root.Block("volume"))
	same(t, "egress", egressBlock(), root.Block("egress"))
	same(t, "container", l.containerBlock(), root.Block("container"))
	same(t, "profile", l.profileBlock(), root.Block("profile"))
	for _, b := range root.Blocks {
		if !slices.Contains([]string{"variable", "locals", "moved", "removed", "import", "check", "stack", "image", "network", "volume", "egress", "container", "profile", "secret"}, b.Name) {
			t.Errorf("block %s is compared with nothing", b.Name)
		}
	}
}

func same[T any](t *testing.T, path string, have *block[T], want *spec.Block) {
	t.Helper()
	words := slices.Clone(have.head)
	for name := range have.settings {
		words = append(words, name)
	}
	for _, w := range words {
		if want.Word(w) == nil {
			t.Errorf("the table has no word %s.%s", path, w)
		}
	}
	for _, w := range want.Words {
		if !slices.Contains(words, w.Name) {
			t.Errorf("the parser has no word %s.%s", path, w.Name)
		}
	}
	for name, in := range have.blocks {
		b := want.Block(name)
		if b == nil {
			t.Errorf("the table has no block %s.%s", path, name)
			continue
		}
		if (in.label == "") != (b.Label == "") {
			t.Errorf("the label of %s.%s is %q, and %q in the table", path, name, in.label, b.Label)
		}
		same(t, path+"."+name, in, b)
	}
	for _, b := range want.Blocks {
		if have.blocks[b.Name] == nil {
			t.Errorf("the parser has no block %s.%s", path, b.Name)
		}
	}
}
