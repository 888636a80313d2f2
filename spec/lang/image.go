package lang

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

func (l *loader) imageBlock() *block[spec.Image] {
	return &block[spec.Image]{settings: map[string]setting[spec.Image]{
		"source":  {read: text, set: func(i *spec.Image, _ string, v any) { i.Source = v.(string) }},
		"include": {read: texts, set: func(i *spec.Image, _ string, v any) { i.Include = v.([]string) }},
		"sha256":  {read: text, set: func(i *spec.Image, _ string, v any) { i.SHA256 = v.(string) }},
		"mirror":  {read: text, set: func(i *spec.Image, _ string, v any) { i.Mirror = v.(string) }},
	}}
}

func (l *loader) readImages(blocks hcl.Blocks) {
	table := l.imageBlock()
	blocks = firsts(blocks)
	l.stack.Images = make([]spec.Image, len(blocks)) // containers point into it
	for n, b := range blocks {
		i := &l.stack.Images[n]
		i.Name, i.Pos = b.Labels[0], place(b.DefRange)
		at := lay(l, open(l, b.Body, table, l.scope.base).items, l.scope.base).apply(i)
		if p, ok := at["source"]; ok {
			i.Pos = p
		}
		l.images["image."+i.Name] = i
	}
}

// toImage reads image.NAME or a plain source. Equal plain sources are one
// image.
func (l *loader) toImage(v cty.Value) (any, error) {
	if r, ok := referred(v, "image"); ok {
		return l.images["image."+r.name], nil
	}
	if v.Type() != cty.String {
		return nil, fmt.Errorf(`must be an image, written image.NAME, or a source such as "builtin:busybox", not %s`, friendly(v))
	}
	source := v.AsString()
	if l.images[":"+source] == nil {
		l.images[":"+source] = &spec.Image{Source: source}
	}
	return l.images[":"+source], nil
}
