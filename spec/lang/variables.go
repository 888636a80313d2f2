package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/zclconf/go-cty/cty"

	"strake/spec/source"
)

// Variables are the values given from outside. A later one wins: first
// Environment, then the folder's *.auto.hclvars, then Given in its order.
type Variables struct {
	Environment map[string]string // by variable name: STRAKE_VAR_x is under "x"
	Given       []Given           // --var and --var-file, in the order of the command line
}

// Given is one --var NAME=VALUE, or one --var-file.
type Given struct {
	Name, Value string
	File        *source.File // set: a file of values; Name and Value are not used
}

// variable is one variable block.
type variable struct {
	name      string
	block     *hcl.Block
	ty        cty.Type
	defaults  *typeexpr.Defaults
	sensitive bool
	checks    hcl.Blocks
	value     cty.Value // NilVal: none yet
}

// readVariables settles the value of every variable and checks it.
func (l *loader) readVariables(blocks hcl.Blocks, auto []source.File, given Variables) {
	all := map[string]*variable{}
	for _, b := range blocks {
		v := l.variable(b)
		if other := all[v.name]; other != nil {
			l.fail(b.DefRange, "there are two variables "+quote(v.name), "The other one is at "+place(other.block.DefRange).String()+".")
			continue
		}
		all[v.name] = v
		l.scope.declare("var", v.name)
	}
	l.assign(all, auto, given)
	values := make(map[string]cty.Value, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		values[name] = l.settle(all[name])
	}
	l.scope.bind("var", values)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		l.validate(all[name])
	}
}

func (l *loader) variable(b *hcl.Block) *variable {
	v := &variable{name: b.Labels[0], block: b, ty: cty.DynamicPseudoType}
	content, diags := b.Body.Content(schemaAt("variable"))
	v.checks = content.Blocks
	if a := content.Attributes["type"]; a != nil {
		ty, defaults, more := typeexpr.TypeConstraintWithDefaults(a.Expr)
		diags = append(diags, more...)
		v.ty, v.defaults = ty, defaults
	}
	if a := content.Attributes["sensitive"]; a != nil {
		diags = append(diags, gohcl.DecodeExpression(a.Expr, nil, &v.sensitive)...)
	}
	if a := content.Attributes["description"]; a != nil {
		var text string
		diags = append(diags, gohcl.DecodeExpression(a.Expr, nil, &text)...)
	}
	l.sensitive = l.sensitive || v.sensitive
	if a := content.Attributes["default"]; a != nil {
		if v.sensitive {
			l.written = append(l.written, a.Expr.Range())
		}
		value, more := a.Expr.Value(nil)
		if diags = append(diags, more...); !more.HasErrors() {
			l.give(v, value, a.Expr.Range(), "the default")
		}
	}
	l.diags = append(l.diags, diags...)
	return v
}

// settle is the value that expressions see.
func (l *loader) settle(v *variable) cty.Value {
	if v.value == cty.NilVal {
		if !l.broken() {
			l.fail(v.block.DefRange, "there is no value for variable "+quote(v.name), "Give it with --var "+v.name+"=VALUE, in a --var-file, as STRAKE_VAR_"+v.name+", or write a default.")
		}
		return cty.DynamicVal
	}
	if v.sensitive {
		l.remember(v.value)
		return v.value.Mark(sensitive)
	}
	return v.value
}

// remember notes the texts that diagnostics must not show. Very short ones
// would blot out unrelated text and are no secrets.
func (l *loader) remember(v cty.Value) {
	_ = cty.Walk(v, func(_ cty.Path, v cty.Value) (bool, error) {
		if !v.IsKnown() || v.IsNull() || !v.Type().IsPrimitiveType() || v.Type() == cty.Bool {
			return true, nil
		}
		if text, err := word(v); err == nil && len(text.(string)) > 2 {
			l.secrets = append(l.secrets, text.(string))
		}
		return true, nil
	})
}

// validate runs the variable's own checks.
func (l *loader) validate(v *variable) {
	l.assertions("the value of variable "+quote(v.name)+" is not valid", v.checks)
}

// plainValue evaluates an expression about variables and takes the marks off:
// what is secret in the result, report hides.
func (l *loader) plainValue(expr hcl.Expression) (cty.Value, bool) {
	if diags := l.scope.check(expr); diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return cty.NilVal, false
	}
	v, diags := expr.Value(l.scope.base)
	l.diags = append(l.diags, diags...)
	v, _ = v.UnmarkDeep()
	return v, !diags.HasErrors()
}
