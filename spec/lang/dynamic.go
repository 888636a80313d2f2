package lang

import (
	"bytes"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/dynblock"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// hasDynamic says whether there may be a dynamic block anywhere in a body.
// Only then it is expanded: nearly none has one.
func (l *loader) hasDynamic(b hcl.Body) bool {
	native, ok := b.(*hclsyntax.Body)
	if !ok {
		file := l.files[b.MissingItemRange().Filename]
		return file != nil && bytes.Contains(file.Bytes, []byte(`"dynamic"`))
	}
	return slices.ContainsFunc(native.Blocks, func(b *hclsyntax.Block) bool {
		return b.Type == "dynamic" || l.hasDynamic(b.Body)
	})
}

// expandsBy lists what the dynamic blocks of a body look at to know how often
// they are there, and under which labels.
func expandsBy[T any](b hcl.Body, table *block[T]) []hcl.Traversal {
	return walkExpand(dynblock.WalkExpandVariables(b), table)
}

func walkExpand[T any](n dynblock.WalkVariablesNode, table *block[T]) []hcl.Traversal {
	found, children := n.Visit(table.names())
	for _, c := range children {
		if inner := table.blocks[c.BlockTypeName]; inner != nil {
			found = append(found, walkExpand(c.Node, inner)...)
		}
	}
	return found
}

// expandDynamic puts as many blocks in the place of each dynamic block as its
// for_each has elements. Ranges of references that lead nowhere come back:
// HCL would complain of them once more.
func expandDynamic[T any](l *loader, b hcl.Body, table *block[T], ctx *hcl.EvalContext, sees ...string) (hcl.Body, []hcl.Range) {
	diags := l.scope.checkAll(expandsBy(b, table), sees...)
	l.diags = append(l.diags, diags...)
	var told []hcl.Range
	for _, d := range diags {
		told = append(told, *d.Subject)
	}
	return dynblock.Expand(b, ctx, dynblock.OptCheckForEach(elementsKnown)), told
}

// notKnown stands for a for_each without a value: why it has none was said
// where the value comes from.
const notKnown = "not known"

func elementsKnown(v cty.Value, expr hcl.Expression, _ *hcl.EvalContext) hcl.Diagnostics {
	at := expr.Range()
	switch {
	case v.ContainsMarked():
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "for_each can't be sensitive", Detail: "How many blocks there are can be seen in plans.", Subject: &at}}
	case !v.IsWhollyKnown():
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: notKnown, Subject: &at}}
	}
	return nil
}

// untold leaves out what was told already.
func untold(diags hcl.Diagnostics, told []hcl.Range) hcl.Diagnostics {
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool {
		return d.Summary == notKnown || d.Subject != nil && slices.ContainsFunc(told, d.Subject.Overlaps)
	})
}
