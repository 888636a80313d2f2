package lang

import (
	"github.com/hashicorp/hcl/v2"

	"strake/spec"
)

func volumeBlock() *block[spec.Volume] {
	return &block[spec.Volume]{settings: map[string]setting[spec.Volume]{
		"path":    {read: text, set: func(o *spec.Volume, _ string, v any) { o.Path = v.(string) }},
		"size":    {read: size, set: func(o *spec.Volume, _ string, v any) { o.Size = v.(int64) }},
		"protect": {read: flag, set: func(o *spec.Volume, _ string, v any) { o.Protect = v.(bool) }},
	}}
}

func (l *loader) readVolumes(blocks hcl.Blocks) {
	l.stack.Volumes = declared(l, blocks, volumeBlock(), func(v *spec.Volume, label string, pos spec.Pos, at map[string]spec.Pos) {
		v.Name, v.Pos, v.At = label, pos, at
	})
}
