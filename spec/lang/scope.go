package lang

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"strake/spec"
)

// reference is what image.x, network.x, volume.x and the like evaluate
// to: not a thing, but which one is meant.
type reference struct {
	kind, name string
	key        string // of a for_each
}

var referenceType = cty.Capsule("reference", reflect.TypeFor[reference]())

// mark is the cty mark of sensitive values.
type mark string

const sensitive mark = "sensitive"

// scope is what expressions can see.
type scope struct {
	names map[string]map[string]bool // by root: "var" -> its names
	base  *hcl.EvalContext
}

func newScope(funcs map[string]function.Function) *scope {
	s := &scope{names: map[string]map[string]bool{}, base: &hcl.EvalContext{Functions: funcs, Variables: map[string]cty.Value{}}}
	for _, root := range roots() {
		s.names[root] = map[string]bool{}
	}
	s.names["each"] = map[string]bool{"key": true, "value": true}
	return s
}

func roots() []string {
	return []string{"var", "local", "image", "network", "volume", "egress", "secret", "profile", "container", "each"}
}

// declare makes a name known. Of a kind that nothing can refer to, nobody asks.
func (s *scope) declare(root, name string) {
	if names := s.names[root]; names != nil {
		names[name] = true
	}
}

// bind gives a root its values.
func (s *scope) bind(root string, values map[string]cty.Value) {
	s.base.Variables[root] = cty.ObjectVal(values)
}

func (s *scope) bindReferences(kinds ...string) {
	for _, kind := range kinds {
		values := make(map[string]cty.Value, len(s.names[kind]))
		for name := range s.names[kind] {
			values[name] = refer(reference{kind: kind, name: name})
		}
		s.bind(kind, values)
	}
}

func refer(r reference) cty.Value { return cty.CapsuleVal(referenceType, &r) }

// check finds references to what is not there, before evaluation would find
// them in less clear words. also lists roots that are allowed here and
// nowhere else.
func (s *scope) check(expr hcl.Expression, also ...string) hcl.Diagnostics {
	return s.checkAll(expr.Variables(), also...)
}

func (s *scope) checkAll(list []hcl.Traversal, also ...string) hcl.Diagnostics {
	var diags hcl.Diagnostics
	for _, t := range list {
		if d := s.traversal(t, also); d != nil {
			d.Severity, d.Subject = hcl.DiagError, t.SourceRange().Ptr()
			diags = append(diags, d)
		}
	}
	return diags
}

func (s *scope) traversal(t hcl.Traversal, also []string) *hcl.Diagnostic {
	root := t.RootName()
	names, ok := s.names[root]
	switch {
	case !ok:
		return &hcl.Diagnostic{Summary: fmt.Sprintf("there is nothing called %q", root),
			Detail: fmt.Sprintf("If it is meant as text, put it in quotes: %q.%s References start with var, local, image, network, volume, egress, secret, profile, container or each.", root, spec.DidYouMean(root, roots()))}
	case (root == "each" || root == "container") && !slices.Contains(also, root):
		return &hcl.Diagnostic{Summary: root + " can't be used here", Detail: where(root)}
	}
	name, ok := second(t)
	if !ok {
		return &hcl.Diagnostic{Summary: fmt.Sprintf("%s needs a name", root), Detail: fmt.Sprintf("Say which one: %s.NAME", root)}
	}
	if !names[name] {
		return &hcl.Diagnostic{Summary: fmt.Sprintf("there is no %s %q", noun(root), name), Detail: hint(root, name, names)}
	}
	return nil
}

func second(t hcl.Traversal) (string, bool) {
	if len(t) < 2 {
		return "", false
	}
	switch step := t[1].(type) {
	case hcl.TraverseAttr:
		return step.Name, true
	case hcl.TraverseIndex:
		if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
			return step.Key.AsString(), true
		}
	}
	return "", false
}

func where(root string) string {
	if root == "each" {
		return "each.key and each.value exist in a container block that has for_each."
	}
	return "Containers can be referred to in depends_on, moved, removed and import only."
}

func noun(root string) string {
	switch root {
	case "var":
		return "variable"
	case "each":
		return "each value"
	}
	return root
}

func hint(root, name string, names map[string]bool) string {
	list := make([]string, 0, len(names))
	for n := range names {
		list = append(list, n)
	}
	slices.Sort(list)
	if root == "each" {
		return "There are each.key and each.value."
	}
	text := fmt.Sprintf("Define it: %s %q { ... }", noun(root), name)
	if root == "local" {
		text = fmt.Sprintf("Define it: locals { %s = ... }", name)
	}
	return text + spec.DidYouMean(name, list)
}
