package lang

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// To make a list of a written-out one, go-cty compares the types of all
// elements with one another, which takes a second for ten thousand. Where they
// are all the same there is nothing to compare.

// alike makes a list, set or map of a tuple or object whose elements are all of
// one type.
func alike(v cty.Value, want cty.Type) (cty.Value, bool) {
	inner, marks := v.Unmark()
	if !inner.IsKnown() || inner.IsNull() {
		return v, false
	}
	ty, ok := onlyType(inner.Type())
	if !ok || !want.ElementType().Equals(ty) && want.ElementType() != cty.DynamicPseudoType {
		return v, false
	}
	switch isTuple := inner.Type().IsTupleType(); {
	case isTuple && want.IsListType():
		return cty.ListVal(inner.AsValueSlice()).WithMarks(marks), true
	case isTuple && want.IsSetType():
		return cty.SetVal(inner.AsValueSlice()).WithMarks(marks), true
	case !isTuple && want.IsMapType():
		return cty.MapVal(inner.AsValueMap()).WithMarks(marks), true
	}
	return v, false
}

// onlyType is the type that all elements of a tuple or object have.
func onlyType(ty cty.Type) (cty.Type, bool) {
	var only cty.Type
	for n, t := range elementTypes(ty) {
		switch {
		case n > 0 && !t.Equals(only), t.HasDynamicTypes():
			return cty.NilType, false
		case n == 0:
			only = t
		}
	}
	return only, only != cty.NilType
}

func elementTypes(ty cty.Type) []cty.Type {
	switch {
	case ty.IsTupleType():
		return ty.TupleElementTypes()
	case ty.IsObjectType():
		var list []cty.Type
		for _, t := range ty.AttributeTypes() {
			list = append(list, t)
		}
		return list
	}
	return nil
}

// comparisons is what go-cty's comparing of the types in v costs when it makes
// want of it.
func comparisons(v cty.Value, want cty.Type) int {
	if !want.IsCollectionType() {
		return 0
	}
	v, _ = v.Unmark()
	list := elementTypes(v.Type())
	if _, same := onlyType(v.Type()); same {
		return 0
	}
	return times(len(list), 8*len(list))
}

// allComparisons are those in v and in all that it holds.
func allComparisons(v cty.Value, want cty.Type) int {
	if !want.IsCollectionType() || !want.HasDynamicTypes() {
		return 0
	}
	n := comparisons(v, want)
	if v, _ = v.Unmark(); !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return n
	}
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		n += allComparisons(e, want.ElementType())
	}
	return n
}

// loose are parameters that take what paid makes level by itself.
func loose(params []function.Parameter) []function.Parameter {
	list := make([]function.Parameter, len(params))
	for i := range params {
		list[i] = *looseOne(&params[i])
	}
	return list
}

func looseOne(p *function.Parameter) *function.Parameter {
	if p == nil || !p.Type.IsCollectionType() {
		return p
	}
	any := *p
	any.Type = cty.DynamicPseudoType
	return &any
}

// wants is the type of a function's argument at i.
func wants(f function.Function, i int) cty.Type {
	if params := f.Params(); i < len(params) {
		return params[i].Type
	}
	return f.VarParam().Type
}

// level converts arguments to the lists, sets and maps that f takes.
func level(f function.Function, args []cty.Value) ([]cty.Value, error) {
	list := make([]cty.Value, len(args))
	for i, a := range args {
		want, ok := wants(f, i), false
		if list[i] = a; !want.IsCollectionType() {
			continue
		}
		if list[i], ok = alike(a, want); ok {
			continue
		}
		var err error
		if list[i], err = convert.Convert(a, want); err != nil {
			return nil, function.NewArgError(i, err)
		}
	}
	return list, nil
}
