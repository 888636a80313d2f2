package lang

import (
	"maps"

	"strake/spec"
)

// fileBlock is a file that is changed live; one of system has no on_change.
func fileBlock() *block[spec.Container] {
	list := func(c *spec.Container) *[]spec.File { return &c.Files }
	b := fileOf(list)
	maps.Copy(b.settings, map[string]setting[spec.Container]{
		"on_change": {read: text, set: onFile(list, func(f *spec.File, v any) { f.OnChange = v.(string) })},
	})
	return b
}

func fileOf(list func(*spec.Container) *[]spec.File) *block[spec.Container] {
	return &block[spec.Container]{
		label: "path",
		present: func(c *spec.Container, path string) {
			*list(c) = append(*list(c), spec.File{Path: path})
		},
		settings: map[string]setting[spec.Container]{
			"content": {read: text, set: onFile(list, func(f *spec.File, v any) { f.Content = v.(string) })},
			"mode":    {read: text, set: onFile(list, func(f *spec.File, v any) { f.Mode = v.(string) })},
			"owner":   {read: text, set: onFile(list, func(f *spec.File, v any) { f.Owner = v.(string) })},
		},
	}
}

func onFile(list func(*spec.Container) *[]spec.File, set func(f *spec.File, v any)) func(*spec.Container, string, any) {
	return func(c *spec.Container, path string, v any) {
		onOne(*list(c), func(f *spec.File) string { return f.Path }, path, func(f *spec.File) { set(f, v) })
	}
}
