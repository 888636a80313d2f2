package lang

import (
	"github.com/hashicorp/hcl/v2"

	"strake/spec"
)

// fate is a moved, removed or import block: what becomes of a container that
// is known by another name, or was not strake's.
type fate struct {
	body  *hcl.BodyContent
	block *hcl.Block
}

// fates opens blocks by their schema and leaves broken ones out.
func (l *loader) fates(blocks hcl.Blocks, schema *hcl.BodySchema) []fate {
	var list []fate
	for _, b := range blocks {
		content, diags := b.Body.Content(l.schema(b.Body, schema))
		l.diags = append(l.diags, diags...)
		if !diags.HasErrors() {
			list = append(list, fate{content, b})
		}
	}
	return list
}

// readMoved reads renames. A block stays when its new name is given up by
// another one: a host may not have heard of either.
func (l *loader) readMoved(blocks hcl.Blocks) {
	list, given := l.fates(blocks, schemaAt("moved")), map[string]bool{}
	for _, f := range list {
		if name, ok := writtenName(f.body.Attributes["from"].Expr); ok {
			given[name] = true
		}
	}
	for _, f := range list {
		from, ok := l.formerName(f.body.Attributes["from"].Expr)
		to, there := writtenName(f.body.Attributes["to"].Expr)
		if !there || !given[to] {
			to, there = l.presentName(f.body.Attributes["to"].Expr)
		}
		if ok && there {
			l.stack.Moved = append(l.stack.Moved, spec.Moved{From: from, To: to, Pos: place(f.block.DefRange)})
		}
	}
}

func (l *loader) readRemoved(blocks hcl.Blocks) {
	for _, f := range l.fates(blocks, schemaAt("removed")) {
		from, ok := l.formerName(f.body.Attributes["from"].Expr)
		r := spec.Removed{From: from, Action: "retire", Pos: place(f.block.DefRange)}
		if a := f.body.Attributes["action"]; a != nil {
			action, valid := l.word(a.Expr, "action")
			r.Action, ok = action, ok && valid
		}
		if ok {
			l.stack.Removed = append(l.stack.Removed, r)
		}
	}
}

func (l *loader) readImports(blocks hcl.Blocks) {
	for _, f := range l.fates(blocks, schemaAt("import")) {
		from, ok := l.word(f.body.Attributes["from"].Expr, "from")
		to, there := l.presentName(f.body.Attributes["to"].Expr)
		if ok && there {
			l.stack.Imports = append(l.stack.Imports, spec.Import{From: from, To: to, Pos: place(f.block.DefRange)})
		}
	}
}

// word evaluates an attribute that is a string.
func (l *loader) word(expr hcl.Expression, name string) (string, bool) {
	if diags := l.scope.check(expr); diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return "", false
	}
	v, ok := l.evaluate(expr, l.scope.base)
	if !ok {
		return "", false
	}
	got, err := text(v)
	if err != nil {
		l.fail(expr.Range(), name+" "+err.Error(), "")
		return "", false
	}
	return got.(string), true
}

// presentName is the name of a container that the text has.
func (l *loader) presentName(expr hcl.Expression) (string, bool) {
	expr = meant(expr)
	if diags := l.scope.check(expr, "container"); diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return "", false
	}
	v, ok := l.evaluate(expr, l.scope.base)
	if !ok {
		return "", false
	}
	r, is := referred(v, "container")
	if !is {
		l.fail(expr.Range(), "to must be one container, written container.NAME, not "+friendly(v), `With for_each: container.NAME["key"].`)
		return "", false
	}
	return l.heads[r.name].nameOf(r.key), true
}

// formerName is the name that container.NAME had, or container.NAME["key"]
// with for_each. The text has it no more, so it can't be evaluated.
func (l *loader) formerName(expr hcl.Expression) (string, bool) {
	name, ok := writtenName(expr)
	if !ok {
		l.fail(expr.Range(), "from must be a container, written container.NAME", `With for_each it was container.NAME["key"], the key in quotes. A container that had a name of its own is written by that: container["my-name"].`)
	}
	return name, ok
}

// writtenName reads the name off the reference itself.
func writtenName(expr hcl.Expression) (string, bool) {
	t, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() || t.RootName() != "container" || len(t) < 2 || len(t) > 3 {
		return "", false
	}
	name, ok := second(t)
	if ok && len(t) == 3 {
		var key string
		key, ok = second(t[1:])
		name += "-" + key
	}
	return name, ok
}
