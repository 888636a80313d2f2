package lang

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// block is the table of what a kind of block holds. T is what it becomes.
type block[T any] struct {
	label    string // what its label means; "" for a block without one
	head     []string
	settings map[string]setting[T]
	blocks   map[string]*block[T]
	present  func(t *T, label string) // what the block means by being there at all
	schema   *hcl.BodySchema          // made of the above when it is first needed
}

// setting is one key.
type setting[T any] struct {
	read kind
	set  func(t *T, label string, v any) // label of the nearest labelled block (of a block within a labelled one: both, see inner), or of the map's element
	path string                          // when it is not the key's own name
	each bool                            // a map whose elements are settings of their own
	refs string                          // a kind: references to such blocks, each a setting of its own by its name
	sees []string                        // roots that only it may refer to

	hidden bool // it takes sensitive values: read may be given one
}

// item is a setting as it stands in the text, not evaluated yet. Items of
// nested blocks are flat in one list: the path tells them apart.
type item[T any] struct {
	path, label string
	setting     setting[T]
	present     func(t *T, label string)
	expr        hcl.Expression // nil for the presence of a block
	at          hcl.Range
	repeats     bool // looks at each: evaluated for every instance
}

// body is a block of the text, taken apart.
type body[T any] struct {
	head  map[string]*hcl.Attribute
	items []item[T]
}

// open takes a body apart by its table. Whatever the table does not have is
// an error. In ctx are the values that dynamic blocks are expanded by.
func open[T any](l *loader, b hcl.Body, table *block[T], ctx *hcl.EvalContext, sees ...string) body[T] {
	o := opener[T]{l: l, sees: sees, seen: map[string]hcl.Range{}}
	if l.hasDynamic(b) {
		b, o.told = expandDynamic(l, b, table, ctx, sees...)
	}
	o.walk(b, table, "", "")
	return o.body
}

type opener[T any] struct {
	l    *loader
	sees []string
	body body[T]
	told []hcl.Range          // what dynamic blocks refer to and is not there
	seen map[string]hcl.Range // paths: autostart may be a setting or a block, not both
}

func (o *opener[T]) add(it item[T]) {
	if other, twice := o.seen[it.path]; twice {
		o.l.fail(it.at, it.path+" is there twice", "The other one is at "+place(other).String()+". Put all into one.")
		return
	}
	o.seen[it.path] = it.at
	o.body.items = append(o.body.items, it)
}

func (o *opener[T]) walk(b hcl.Body, table *block[T], prefix, label string) {
	content, diags := b.Content(o.l.schema(b, table.names()))
	o.l.diags = append(o.l.diags, untold(diags, o.told)...)
	for _, name := range slices.Sorted(maps.Keys(content.Attributes)) {
		o.attribute(content.Attributes[name], table, prefix, label)
	}
	first := map[string]hcl.Range{}
	for _, inner := range content.Blocks {
		id := strings.Join(append([]string{inner.Type}, inner.Labels...), " ")
		if other, twice := first[id]; twice {
			o.l.fail(inner.DefRange, "there are two blocks "+id, theOther(inner.DefRange, other)+" Put all into one.")
			continue
		}
		first[id] = inner.DefRange
		o.block(inner, table.blocks[inner.Type], prefix, label)
	}
}

// theOther tells where something is that is there twice.
func theOther(at, other hcl.Range) string {
	if at == other {
		return "Two elements of this for_each give the same label."
	}
	return "The other one is at " + place(other).String() + "."
}

func (o *opener[T]) block(b *hcl.Block, table *block[T], prefix, label string) {
	path, at := prefix+b.Type, b.DefRange
	if len(b.Labels) > 0 {
		path = labelled(path, b.Labels[0])
		label = within(label, b.Labels[0])
	}
	if table.present != nil {
		o.add(item[T]{path: path, label: label, present: table.present, at: at})
	}
	o.walk(b.Body, table, path+".", label)
}

func (o *opener[T]) attribute(a *hcl.Attribute, table *block[T], prefix, label string) {
	if slices.Contains(table.head, a.Name) {
		if o.body.head == nil {
			o.body.head = map[string]*hcl.Attribute{}
		}
		o.body.head[a.Name] = a
		return
	}
	s := table.settings[a.Name]
	if diags := o.l.scope.check(a.Expr, append(s.sees, o.sees...)...); diags.HasErrors() {
		o.l.diags = append(o.l.diags, diags...)
		return
	}
	name := a.Name
	if s.path != "" {
		name = s.path
	}
	o.add(item[T]{
		path: prefix + name, label: label, setting: s, expr: a.Expr, at: a.Expr.Range(), repeats: looksAt(a.Expr, "each"),
	})
}

// between joins the labels of a labelled block and one within it.
const between = "\x00"

func within(outer, label string) string {
	if outer == "" {
		return label
	}
	return outer + between + label
}

// inner takes the labels of a block within a labelled one apart.
func inner(label string) (outer, own string) {
	outer, own, _ = strings.Cut(label, between)
	return outer, own
}

func looksAt(expr hcl.Expression, root string) bool {
	return slices.ContainsFunc(expr.Variables(), func(t hcl.Traversal) bool { return t.RootName() == root })
}

// labelled is the path of one of several: `nic["eth0"]`.
func labelled(path, label string) string { return path + `["` + label + `"]` }

// ahead is the head alone, for a look before the rest.
func (t *block[T]) ahead() *hcl.BodySchema {
	return &hcl.BodySchema{Attributes: t.names().Attributes[:len(t.head)]}
}

// names is the table as HCL wants it.
func (t *block[T]) names() *hcl.BodySchema {
	if t.schema != nil {
		return t.schema
	}
	s := &hcl.BodySchema{}
	for _, name := range t.head {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(t.settings)) {
		s.Attributes = append(s.Attributes, hcl.AttributeSchema{Name: name})
	}
	for _, name := range slices.Sorted(maps.Keys(t.blocks)) {
		h := hcl.BlockHeaderSchema{Type: name}
		if t.blocks[name].label != "" {
			h.LabelNames = []string{t.blocks[name].label}
		}
		s.Blocks = append(s.Blocks, h)
	}
	t.schema = s
	return s
}

// schema settles what a name is that may be a setting and a block, as
// autostart: native syntax tells them apart, JSON has objects for blocks.
func (l *loader) schema(b hcl.Body, s *hcl.BodySchema) *hcl.BodySchema {
	if !strings.HasSuffix(b.MissingItemRange().Filename, ".json") {
		return s
	}
	for _, h := range s.Blocks {
		i := slices.IndexFunc(s.Attributes, func(a hcl.AttributeSchema) bool { return a.Name == h.Type })
		if i < 0 {
			continue
		}
		part, _, _ := b.PartialContent(&hcl.BodySchema{Attributes: s.Attributes[i : i+1]})
		one := hcl.BodySchema{Attributes: slices.Clone(s.Attributes), Blocks: slices.Clone(s.Blocks)}
		if a := part.Attributes[h.Type]; a != nil && !isObject(a.Expr) {
			one.Blocks = slices.DeleteFunc(one.Blocks, func(o hcl.BlockHeaderSchema) bool { return o.Type == h.Type })
		} else {
			one.Attributes = slices.Delete(one.Attributes, i, i+1)
		}
		return l.schema(b, &one)
	}
	return s
}

func isObject(e hcl.Expression) bool {
	_, notMap := hcl.ExprMap(e)
	_, notList := hcl.ExprList(e)
	return !notMap.HasErrors() || !notList.HasErrors()
}

// evaluate gives the value of an expression whose references were checked.
// Nothing comes back for null: it means "not said".
func (l *loader) evaluate(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, bool) {
	v, ok := l.evaluateHidden(expr, ctx)
	if ok && v.ContainsMarked() {
		l.fail(expr.Range(), "a sensitive value can't be used here", "What this becomes is kept in plain text and shown in plans. Sensitive values can be used in environment and in secret_file.")
		return v, false
	}
	return v, ok
}

// evaluateHidden is evaluate for what may be sensitive.
func (l *loader) evaluateHidden(expr hcl.Expression, ctx *hcl.EvalContext) (cty.Value, bool) {
	v, diags := expr.Value(ctx)
	l.diags = append(l.diags, diags...)
	if diags.HasErrors() || v.IsNull() {
		return v, false
	}
	return v, v.IsWhollyKnown()
}
