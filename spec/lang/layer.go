package lang

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

// layer holds settings by path. One is laid over another by replacing what
// has the same path: maps and labelled blocks merge because their elements
// are paths of their own, scalars and lists are replaced.
type layer[T any] map[string]entry[T]

type entry[T any] struct {
	label string
	value any
	set   func(t *T, label string, v any)
	at    hcl.Range
	via   string // name of the profile that says it; "": the block itself
}

// through notes which profile the settings come from.
func (l layer[T]) through(profile string) layer[T] {
	for path, e := range l {
		e.via = profile
		l[path] = e
	}
	return l
}

// vias tells the settings that come from profiles, with their names.
func (l layer[T]) vias() map[string]string {
	var list map[string]string
	for path, e := range l {
		if e.via == "" {
			continue
		}
		if list == nil {
			list = map[string]string{}
		}
		list[path] = e.via
	}
	return list
}

// over lays m over a copy of l.
func (l layer[T]) over(upper layer[T]) layer[T] {
	merged := make(layer[T], len(l)+len(upper))
	maps.Copy(merged, l)
	maps.Copy(merged, upper)
	return merged
}

// apply makes the settings in t and returns where each one came from. Paths
// go in order, so that a block's presence comes before what is in it.
func (l layer[T]) apply(t *T) map[string]spec.Pos {
	at := make(map[string]spec.Pos, len(l))
	for _, path := range slices.Sorted(maps.Keys(l)) {
		e := l[path]
		e.set(t, e.label, e.value)
		at[path] = place(e.at)
	}
	return at
}

// remove takes a path and all below it away, and says whether there was any.
func (l layer[T]) remove(path string) bool {
	found := false
	for p := range l {
		if below(p, path) {
			delete(l, p)
			found = true
		}
	}
	return found
}

// below says whether path p is path or something in it.
func below(p, path string) bool {
	rest, ok := strings.CutPrefix(p, path)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// lay evaluates items into a layer.
func lay[T any](l *loader, items []item[T], ctx *hcl.EvalContext) layer[T] {
	out := make(layer[T], len(items))
	for _, it := range items {
		if it.expr == nil {
			out[it.path] = entry[T]{label: it.label, at: it.at, set: func(t *T, label string, _ any) { it.present(t, label) }}
			continue
		}
		evaluate := l.evaluate
		if it.setting.hidden {
			evaluate = l.evaluateHidden
		}
		v, ok := evaluate(it.expr, ctx)
		if !ok {
			continue
		}
		if it.setting.each {
			elements(l, it, v, ctx, out)
			continue
		}
		if it.setting.refs != "" {
			named(l, it, v, out)
			continue
		}
		got, err := it.setting.read(v)
		if err != nil {
			l.fail(it.at, it.path+" "+err.Error(), "")
			continue
		}
		out[it.path] = entry[T]{label: it.label, value: got, set: it.setting.set, at: it.at}
	}
	return out
}

// named lays each reference of a list, or a single one, as a setting of its
// own: those of profiles and of the block add up.
func named[T any](l *loader, it item[T], v cty.Value, out layer[T]) {
	var refs []reference
	if err := gather(v, it.setting.refs, &refs); err != nil {
		l.fail(it.at, it.path+" "+err.Error(), "")
		return
	}
	for _, r := range refs {
		out[labelled(it.path, r.name)] = entry[T]{label: r.name, set: it.setting.set, at: it.at}
	}
}

// declared reads the blocks of one kind, in the order of their names. name gives
// each what its block alone can't: its name, its place and those of its keys.
func declared[T any](l *loader, blocks hcl.Blocks, table *block[T], name func(t *T, label string, pos spec.Pos, at map[string]spec.Pos)) []T {
	blocks = firsts(blocks)
	slices.SortFunc(blocks, func(a, b *hcl.Block) int { return strings.Compare(a.Labels[0], b.Labels[0]) })
	var list []T
	for _, b := range blocks {
		var t T
		at := lay(l, open(l, b.Body, table, l.scope.base).items, l.scope.base).apply(&t)
		name(&t, b.Labels[0], place(b.DefRange), at)
		list = append(list, t)
	}
	return list
}

// elements lays each element of a map as a setting of its own.
func elements[T any](l *loader, it item[T], v cty.Value, ctx *hcl.EvalContext, out layer[T]) {
	if ty := v.Type(); !ty.IsMapType() && !ty.IsObjectType() {
		l.fail(it.at, it.path+" must be a map, not "+friendly(v), "Write it as "+it.path+` = { NAME = "value" }.`)
		return
	}
	if v.IsMarked() { // as a whole: a key is sensitive, or what decides which there are
		l.fail(it.at, "the names in "+it.path+" can't be sensitive", "They are shown in plans. Only the values can be: "+it.path+" = { NAME = var.NAME }.")
		return
	}
	places := keyPlaces(it.expr, ctx)
	for key, element := range v.AsValueMap() {
		path, at := labelled(it.path, key), it.at
		if p, ok := places[key]; ok {
			at = p
		}
		if element.IsNull() {
			continue
		}
		got, err := it.setting.read(element)
		if err != nil {
			l.fail(at, path+" "+err.Error(), "")
			continue
		}
		out[path] = entry[T]{label: key, value: got, set: it.setting.set, at: at}
	}
}

// keyPlaces is where the elements of a written-out map stand.
func keyPlaces(expr hcl.Expression, ctx *hcl.EvalContext) map[string]hcl.Range {
	pairs, diags := hcl.ExprMap(expr)
	if diags.HasErrors() {
		return nil
	}
	places := make(map[string]hcl.Range, len(pairs))
	for _, p := range pairs {
		k, diags := p.Key.Value(ctx)
		if k, _ = k.Unmark(); !diags.HasErrors() && k.IsKnown() && !k.IsNull() && k.Type() == cty.String {
			places[k.AsString()] = p.Value.Range()
		}
	}
	return places
}
