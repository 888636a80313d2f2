package lang

import (
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"strake/spec"
	"strake/spec/source"
)

// Agent reads what the agent is to do. It is usable only when the diagnostics
// hold no error.
func Agent(f source.File) (spec.Agent, Diagnostics) {
	var a spec.Agent
	l := newLoader(source.Text{})
	file := l.parseFile(f)
	if file == nil {
		return a, l.report()
	}
	content, diags := file.Body.Content(schemaOf(spec.AgentLanguage()))
	l.diags = append(l.diags, diags...)
	top := map[string]hcl.Blocks{}
	for _, b := range content.Blocks {
		top[b.Type] = append(top[b.Type], b)
	}
	l.twice(top)
	a.Sources = l.readSources(top["source"])
	l.readListeners(&a, top)
	for _, p := range a.Problems() {
		if !l.broken() || !p.Absent {
			l.found = append(l.found, spec.Diagnostic{Severity: spec.Error, Summary: p.Summary, Detail: p.Detail, Pos: p.Pos})
		}
	}
	return a, l.report()
}

// twice refuses two blocks of a kind with one label, or without any.
func (l *loader) twice(top map[string]hcl.Blocks) {
	for kind, blocks := range top {
		first := map[string]hcl.Range{}
		for _, b := range blocks {
			name := strings.Join(append([]string{kind}, b.Labels...), " ")
			if other, again := first[name]; again {
				l.fail(b.DefRange, "there are two blocks "+name, "The other one is at "+place(other).String()+".")
			}
			first[name] = b.DefRange
		}
	}
}

func (l *loader) readSources(blocks hcl.Blocks) []spec.Source {
	var list []spec.Source
	for _, b := range firsts(blocks) {
		s := spec.NewSource()
		s.At = lay(l, open(l, b.Body, sourceBlock(), l.scope.base).items, l.scope.base).apply(&s)
		s.Name, s.Pos = b.Labels[0], place(b.DefRange)
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b spec.Source) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func sourceBlock() *block[spec.Source] {
	return &block[spec.Source]{
		settings: map[string]setting[spec.Source]{
			"folder":    {read: text, set: func(s *spec.Source, _ string, v any) { s.Folder = v.(string) }},
			"deploy":    {read: flag, set: func(s *spec.Source, _ string, v any) { s.Deploy = v.(bool) }},
			"heal":      {read: flag, set: func(s *spec.Source, _ string, v any) { s.Heal = v.(bool) }},
			"prune":     {read: flag, set: func(s *spec.Source, _ string, v any) { s.Prune = v.(bool) }},
			"auto":      {read: texts, set: func(s *spec.Source, _ string, v any) { s.Auto = v.([]string) }},
			"var_files": {read: texts, set: func(s *spec.Source, _ string, v any) { s.VarFiles = v.([]string) }},
		},
		blocks: map[string]*block[spec.Source]{"git": gitBlock(), "window": windowBlock()},
	}
}

func gitBlock() *block[spec.Source] {
	word := func(of func(*spec.Git) *string) setting[spec.Source] {
		return setting[spec.Source]{read: text, set: func(s *spec.Source, _ string, v any) { *of(s.Git) = v.(string) }}
	}
	span := func(of func(*spec.Git) *time.Duration) setting[spec.Source] {
		return setting[spec.Source]{read: duration, set: func(s *spec.Source, _ string, v any) { *of(s.Git) = v.(time.Duration) }}
	}
	return &block[spec.Source]{
		present: func(s *spec.Source, _ string) {
			g := spec.NewGit()
			s.Git = &g
		},
		settings: map[string]setting[spec.Source]{
			"url":         word(func(g *spec.Git) *string { return &g.URL }),
			"branch":      word(func(g *spec.Git) *string { return &g.Branch }),
			"tag":         word(func(g *spec.Git) *string { return &g.Tag }),
			"path":        word(func(g *spec.Git) *string { return &g.Path }),
			"key":         word(func(g *spec.Git) *string { return &g.Key }),
			"known_hosts": word(func(g *spec.Git) *string { return &g.KnownHosts }),
			"credentials": word(func(g *spec.Git) *string { return &g.Credentials }),
			"ca":          word(func(g *spec.Git) *string { return &g.CA }),
			"signers":     word(func(g *spec.Git) *string { return &g.Signers }),
			"keyring":     word(func(g *spec.Git) *string { return &g.Keyring }),
			"poll":        span(func(g *spec.Git) *time.Duration { return &g.Poll }),
			"timeout":     span(func(g *spec.Git) *time.Duration { return &g.Timeout }),
			"max_size":    {read: size, set: func(s *spec.Source, _ string, v any) { s.Git.MaxSize = v.(int64) }},
		},
	}
}

func windowBlock() *block[spec.Source] {
	on := func(read kind, set func(w *spec.Window, v any)) setting[spec.Source] {
		return setting[spec.Source]{read: read, set: func(s *spec.Source, label string, v any) {
			onOne(s.Windows, func(w *spec.Window) string { return w.Name }, label, func(w *spec.Window) { set(w, v) })
		}}
	}
	return &block[spec.Source]{
		label:   "name",
		present: func(s *spec.Source, name string) { s.Windows = append(s.Windows, spec.Window{Name: name}) },
		settings: map[string]setting[spec.Source]{
			"days": on(texts, func(w *spec.Window, v any) { w.Days = v.([]string) }),
			"from": on(text, func(w *spec.Window, v any) { w.From = v.(string) }),
			"to":   on(text, func(w *spec.Window, v any) { w.To = v.(string) }),
			"zone": on(text, func(w *spec.Window, v any) { w.Zone = v.(string) }),
		},
	}
}
