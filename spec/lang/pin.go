package lang

import (
	"errors"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
	"strake/spec/source"
)

func pinBlock() *block[spec.Pin] {
	return &block[spec.Pin]{settings: map[string]setting[spec.Pin]{
		"include": {read: texts, set: func(p *spec.Pin, _ string, v any) { p.Include = v.([]string) }},
		"sha256":  {read: text, set: func(p *spec.Pin, _ string, v any) { p.SHA256 = v.(string) }},
		"mirror":  {read: text, set: func(p *spec.Pin, _ string, v any) { p.Mirror = v.(string) }},
		"from": {read: text, each: true, set: func(p *spec.Pin, key string, v any) {
			if p.From == nil {
				p.From = map[string]string{}
			}
			p.From[key] = v.(string)
		}},
		"digest": {read: text, set: func(p *spec.Pin, _ string, v any) { p.Digest = v.(string) }},
		"size":   {read: size, set: func(p *spec.Pin, _ string, v any) { p.Size = v.(int64) }},
		"time":   {read: instant, set: func(p *spec.Pin, _ string, v any) { p.Time = v.(time.Time) }},
	}}
}

// readPins reads the lock file. It holds values alone: what is pinned depends
// on no variable.
func (l *loader) readPins(lock *source.File) {
	if lock == nil {
		return
	}
	file := l.parseFile(*lock)
	if file == nil {
		return
	}
	content, diags := file.Body.Content(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "image", LabelNames: []string{"source"}}}})
	l.diags = append(l.diags, diags...)
	for _, b := range content.Blocks {
		p := spec.Pin{Image: spec.Image{Source: b.Labels[0], Pos: place(b.DefRange)}}
		plain := &hcl.EvalContext{}
		lay(l, open(l, b.Body, pinBlock(), plain).items, plain).apply(&p)
		l.stack.Pins = append(l.stack.Pins, p)
	}
}

// instant reads a moment as RFC 3339 writes it.
func instant(v cty.Value) (any, error) {
	word, err := text(v)
	if err != nil {
		return nil, err
	}
	t, err := time.Parse(time.RFC3339, word.(string))
	if err != nil {
		return nil, errors.New(`must be a time such as "2026-01-31T12:00:00Z"`)
	}
	return t, nil
}
