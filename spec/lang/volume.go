package lang

import (
	"slices"
	"strings"

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
	table := volumeBlock()
	for _, b := range firsts(blocks) {
		v := spec.Volume{Name: b.Labels[0], Pos: place(b.DefRange)}
		v.At = lay(l, open(l, b.Body, table).items, l.scope.base).apply(&v)
		l.stack.Volumes = append(l.stack.Volumes, v)
	}
	slices.SortFunc(l.stack.Volumes, func(a, b spec.Volume) int { return strings.Compare(a.Name, b.Name) })
}
