package lang

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"strake/spec"
)

func (l *loader) stackBlock() *block[spec.Stack] {
	return &block[spec.Stack]{settings: map[string]setting[spec.Stack]{
		"prune": {read: text, set: func(s *spec.Stack, _ string, v any) { s.Prune = v.(string) }},
	}}
}

// withStackLabel makes the top-level schema fit a stack block that has a
// name: HCL knows no optional labels.
func (l *loader) withStackLabel(b hcl.Body) *hcl.BodySchema {
	s := topLevel()
	body, ok := b.(*hclsyntax.Body)
	if !ok {
		s.Blocks[0].LabelNames = []string{"name"} // JSON: "stack": {"blog": {...}}
		return s
	}
	if slices.ContainsFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == "stack" && len(b.Labels) > 0 }) {
		s.Blocks[0].LabelNames = []string{"name"}
	}
	return s
}

func (l *loader) readStack(blocks hcl.Blocks) {
	for i, b := range blocks {
		if i > 0 {
			l.fail(b.DefRange, "there are two stack blocks", "One configuration is one stack. The other block is at "+place(blocks[0].DefRange).String()+".")
			return
		}
		if len(b.Labels) > 0 {
			l.stack.Name = b.Labels[0]
		}
		l.stack.Pos = place(b.DefRange)
		lay(l, open(l, b.Body, l.stackBlock(), l.scope.base).items, l.scope.base).apply(&l.stack)
	}
}
