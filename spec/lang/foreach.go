package lang

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

// head is a container block: one container, or with for_each any number.
type head struct {
	label     string
	block     *hcl.Block
	body      body[spec.Container]
	repeated  bool
	varies    bool // which blocks it has depends on the instance
	broken    bool // for_each has no value
	instances []instance
}

type instance struct {
	key, name string
	ctx       *hcl.EvalContext
}

// expand finds the instances of a block and their names.
func (l *loader) expand(h *head) {
	a := h.body.head["for_each"]
	if a == nil {
		h.instances = []instance{{name: h.label, ctx: l.scope.base}}
		l.rename(h)
		return
	}
	h.repeated, h.broken = true, true
	if diags := l.scope.check(a.Expr); diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return
	}
	v, diags := a.Expr.Value(l.scope.base)
	if l.diags = append(l.diags, diags...); diags.HasErrors() {
		return
	}
	elements, fault := eachOf(v)
	if fault != "" {
		l.fail(a.Expr.Range(), "for_each "+fault, `It is a map, an object or a set of strings: for_each = { a = 8081, b = 8082 } or for_each = toset(["a", "b"]).`)
		return
	}
	h.broken = !v.IsWhollyKnown()
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		ctx := l.scope.base.NewChild()
		ctx.Variables = map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(key), "value": elements[key]})}
		h.instances = append(h.instances, instance{key: key, name: h.label + "-" + key, ctx: ctx})
	}
	l.rename(h)
}

// eachOf gives the elements by key, or says why there are none.
func eachOf(v cty.Value) (map[string]cty.Value, string) {
	if v.ContainsMarked() {
		return nil, "can't be sensitive: its keys become names"
	}
	if v.IsNull() {
		return nil, "can't be null"
	}
	if !v.IsWhollyKnown() {
		return map[string]cty.Value{}, "" // why was said where the value comes from
	}
	switch ty := v.Type(); {
	case ty.IsMapType(), ty.IsObjectType():
		return v.AsValueMap(), ""
	case ty.IsSetType() && (ty.ElementType() == cty.String || v.LengthInt() == 0):
		elements := make(map[string]cty.Value, v.LengthInt())
		for _, e := range v.AsValueSlice() {
			if e.IsNull() {
				return nil, "can't hold null"
			}
			elements[e.AsString()] = e
		}
		return elements, ""
	}
	return nil, fmt.Sprintf("can't be %s", friendly(v))
}

// rename evaluates the name attribute for every instance.
func (l *loader) rename(h *head) {
	a := h.body.head["name"]
	if a == nil {
		return
	}
	var see []string
	if h.repeated {
		see = []string{"each"}
	}
	if diags := l.scope.check(a.Expr, see...); diags.HasErrors() {
		l.diags = append(l.diags, diags...)
		return
	}
	for n := range h.instances {
		v, ok := l.evaluate(a.Expr, h.instances[n].ctx)
		if !ok {
			continue
		}
		name, err := text(v)
		if err != nil {
			l.fail(a.Expr.Range(), "name "+err.Error(), "")
			return
		}
		h.instances[n].name = name.(string)
	}
}

// nameOf is the final name that a reference to a container means.
func (h *head) nameOf(key string) string {
	i, _ := slices.BinarySearchFunc(h.instances, key, func(i instance, key string) int {
		switch {
		case i.key < key:
			return -1
		case i.key > key:
			return 1
		}
		return 0
	})
	if i >= len(h.instances) {
		return ""
	}
	return h.instances[i].name
}
