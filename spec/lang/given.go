package lang

import (
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"strake/spec"
	"strake/spec/source"
)

// assign gives variables their values from outside, the strongest last.
func (l *loader) assign(all map[string]*variable, auto []source.File, given Variables) {
	for _, name := range slices.Sorted(maps.Keys(given.Environment)) {
		l.giveText(all, name, given.Environment[name], "STRAKE_VAR_"+name)
	}
	for _, f := range auto {
		l.giveFile(all, f)
	}
	for _, g := range given.Given {
		if g.File != nil {
			l.giveFile(all, *g.File)
			continue
		}
		l.giveText(all, g.Name, g.Value, "--var "+g.Name)
	}
}

func (l *loader) giveFile(all map[string]*variable, f source.File) {
	l.outside[f.Name] = true
	file := l.parseFile(f)
	if file == nil {
		return
	}
	attrs, diags := file.Body.JustAttributes()
	l.diags = append(l.diags, diags...)
	for _, name := range slices.Sorted(maps.Keys(attrs)) {
		a := attrs[name]
		v := l.given(all, name, a.NameRange, f.Name)
		value, diags := a.Expr.Value(nil)
		l.diags = append(l.diags, diags...)
		if v != nil && !diags.HasErrors() {
			l.give(v, value, a.Expr.Range(), f.Name)
		}
	}
}

// giveText gives a value from the command line or the environment: as it is
// for a string, read as an expression for lists, maps and objects.
func (l *loader) giveText(all map[string]*variable, name, text, from string) {
	v := l.given(all, name, hcl.Range{}, from)
	if v == nil {
		return
	}
	if v.ty.IsPrimitiveType() || v.ty == cty.DynamicPseudoType {
		l.give(v, cty.StringVal(text), hcl.Range{}, from)
		return
	}
	name = "<" + from + ">"
	if m := measured(source.File{Name: name, Bytes: []byte(text)}); m.fault != "" {
		l.fail(hcl.Range{}, from+": "+m.fault, "")
		return
	}
	expr, diags := hclsyntax.ParseExpression([]byte(text), name, hcl.InitialPos)
	var value cty.Value
	if diags = append(diags, l.budget.guard(expr)...); !diags.HasErrors() {
		value, diags = expr.Value(nil)
	}
	if diags.HasErrors() {
		// HCL's words quote the text, which may be a secret.
		l.fail(hcl.Range{}, from+" is not a value of the variable's type", "Write lists and maps as in a configuration: 'sites={ a = 1, b = 2 }'.")
		v.value = cty.DynamicVal
		return
	}
	l.give(v, value, hcl.Range{}, from)
}

func (l *loader) given(all map[string]*variable, name string, at hcl.Range, from string) *variable {
	v := all[name]
	if v == nil {
		l.fail(at, "there is no variable "+quote(name), "A value for it comes from "+from+". Define it: variable "+strconv.Quote(name)+" { ... }"+spec.DidYouMean(name, slices.Sorted(maps.Keys(all))))
	}
	return v
}

// give converts a value to the variable's type.
func (l *loader) give(v *variable, value cty.Value, at hcl.Range, from string) {
	if s := surplus(value, v.ty); s != nil {
		l.fail(at, "variable "+quote(v.name)+": "+from+" has an attribute that the type does not have", s.hint(v.sensitive))
		v.value = cty.DynamicVal
		return
	}
	if v.defaults != nil && !value.IsNull() {
		value = v.defaults.Apply(value)
	}
	if err := l.budget.spend(allComparisons(value, v.ty)); err != nil {
		l.fail(at, "variable "+quote(v.name)+": "+from+" is too large for the type", "List types whose elements can be of any type are costly. Name the type.")
		v.value = cty.DynamicVal
		return
	}
	converted, err := convert.Convert(value, v.ty)
	if err != nil {
		l.fail(at, "variable "+quote(v.name)+": "+from+" has the wrong type", wrongType(v, err))
		v.value = cty.DynamicVal
		return
	}
	v.value = converted
}

// unnamed is an attribute that an object's type does not have, and the type.
type unnamed struct {
	name string
	of   cty.Type
}

func (u unnamed) hint(sensitive bool) string {
	if sensitive {
		return "Take it out, or add it to the type."
	}
	return "Take " + quote(u.name) + " out, or add it to the type." + spec.DidYouMean(u.name, slices.Sorted(maps.Keys(u.of.AttributeTypes())))
}

// surplus finds what a conversion to the type would leave out in silence.
func surplus(v cty.Value, ty cty.Type) *unnamed {
	if v.IsNull() || !v.IsKnown() || !v.CanIterateElements() {
		return nil
	}
	at := 0
	for it := v.ElementIterator(); it.Next(); at++ {
		key, e := it.Element()
		want := cty.DynamicPseudoType
		switch {
		case ty.IsObjectType() && key.Type() == cty.String:
			if !ty.HasAttribute(key.AsString()) {
				return &unnamed{key.AsString(), ty}
			}
			want = ty.AttributeType(key.AsString())
		case ty.IsCollectionType():
			want = ty.ElementType()
		case ty.IsTupleType() && at < ty.Length():
			want = ty.TupleElementType(at)
		}
		if s := surplus(e, want); s != nil {
			return s
		}
	}
	return nil
}

func wrongType(v *variable, err error) string {
	text := "It must be of type " + v.ty.FriendlyNameForConstraint() + "."
	if v.sensitive {
		return text
	}
	return text + " (" + err.Error() + ")"
}
