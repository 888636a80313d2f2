package lang

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// readChecks evaluates what the author asserts of the configuration. What does
// not hold is an error: nothing is applied that its author ruled out.
func (l *loader) readChecks(blocks hcl.Blocks) {
	schema := schemaAt("check")
	for _, b := range firsts(blocks) {
		content, diags := b.Body.Content(schema)
		l.diags = append(l.diags, diags...)
		l.assertions("check "+quote(b.Labels[0])+" does not hold", content.Blocks)
	}
}

// assertions evaluates blocks of a condition and what to say without it.
func (l *loader) assertions(summary string, blocks hcl.Blocks) {
	for _, f := range l.fates(blocks, schemaAt("check", "assert")) {
		l.assert(summary, f.body.Attributes["condition"].Expr, f.body.Attributes["error_message"].Expr)
	}
}

// assert fails with message unless condition is true.
func (l *loader) assert(summary string, condition, message hcl.Expression) {
	holds, ok := l.plainValue(condition)
	if !ok {
		return
	}
	if !holds.IsKnown() {
		return // what it looks at has a mistake of its own
	}
	if holds.Type() != cty.Bool || holds.IsNull() {
		l.fail(condition.Range(), "the condition must be true or false", "Compare something: condition = length(var.sites) < 64")
		return
	}
	if holds.True() {
		return
	}
	text := "Its condition is not true."
	if m, ok := l.plainValue(message); ok && !m.IsNull() && m.IsKnown() && m.Type() == cty.String {
		text = m.AsString()
	}
	l.fail(condition.Range(), summary, text)
}
