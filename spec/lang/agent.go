package lang

import (
	"maps"
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
	a := spec.NewAgent()
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
	a.All = l.readSwitches(content.Attributes)
	a.Sources = l.readSources(top, a.All)
	a.At = layAttributes(l, content.Attributes, agentTable()).apply(&a)
	l.readListeners(&a, content.Attributes, top)
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

// readSwitches reads what stands outside of the sources for all of them.
func (l *loader) readSwitches(all hcl.Attributes) spec.Source {
	s := spec.NewSource()
	s.At = l.switched(layAttributes(l, all, &block[spec.Source]{settings: switches()}), &s)
	return s
}

// switched sets what is said of sources in one place, where deploy may be a list of
// impacts, and then auto is none: it is said where deploy is.
func (l *loader) switched(said layer[spec.Source], s *spec.Source) map[string]spec.Pos {
	at := said.apply(s)
	if _, list := said["deploy"].value.([]string); list {
		if auto, both := said["auto"]; both {
			l.fail(auto.at, "deploy and auto both list impacts", "Leave one of them out.")
		}
		at["auto"] = at["deploy"]
	}
	return at
}

// layAttributes reads those that a table has.
func layAttributes[T any](l *loader, all hcl.Attributes, table *block[T]) layer[T] {
	o := opener[T]{l: l, seen: map[string]hcl.Range{}}
	for _, name := range slices.Sorted(maps.Keys(table.settings)) {
		if attr := all[name]; attr != nil {
			o.attribute(attr, table, "", "")
		}
	}
	return lay(l, o.body.items, l.scope.base)
}

func (l *loader) readSources(top map[string]hcl.Blocks, all spec.Source) []spec.Source {
	var list []spec.Source
	read := func(b *hcl.Block, s spec.Source, table *block[spec.Source]) {
		s.At = l.switched(lay(l, open(l, b.Body, table, l.scope.base).items, l.scope.base), &s)
		s.Name, s.Pos = b.Labels[0], place(b.DefRange)
		list = append(list, s)
	}
	for _, b := range firsts(top["folder"]) {
		read(b, all, folderBlock())
	}
	for _, b := range firsts(top["git"]) {
		s, g := all, spec.NewGit()
		s.Git = &g
		read(b, s, gitBlock())
	}
	slices.SortFunc(list, func(a, b spec.Source) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// agentTable are the settings that are of no source.
func agentTable() *block[spec.Agent] {
	return &block[spec.Agent]{settings: map[string]setting[spec.Agent]{
		"scrub": {read: duration, set: func(a *spec.Agent, _ string, v any) { a.Scrub = v.(time.Duration) }},
	}}
}

// switches are the settings of every source.
func switches() map[string]setting[spec.Source] {
	return map[string]setting[spec.Source]{
		"deploy":    {read: flagOrTexts, set: deploy},
		"auto":      {read: texts, set: func(s *spec.Source, _ string, v any) { s.Auto = v.([]string) }},
		"heal":      {read: flag, set: func(s *spec.Source, _ string, v any) { s.Heal = v.(bool) }},
		"prune":     {read: flag, set: func(s *spec.Source, _ string, v any) { s.Prune = v.(bool) }},
		"var_files": {read: texts, set: func(s *spec.Source, _ string, v any) { s.VarFiles = v.([]string) }},
	}
}

// deploy takes a bool, or a list of the impacts that need no approval.
func deploy(s *spec.Source, _ string, v any) {
	if list, is := v.([]string); is {
		s.Auto, v = list, true
	}
	s.Deploy = v.(bool)
}

func folderBlock() *block[spec.Source] {
	b := &block[spec.Source]{settings: switches(), blocks: map[string]*block[spec.Source]{"window": windowBlock()}}
	b.settings["path"] = setting[spec.Source]{read: text, set: func(s *spec.Source, _ string, v any) { s.Folder = v.(string) }}
	return b
}

func gitBlock() *block[spec.Source] {
	word := func(of func(*spec.Git) *string) setting[spec.Source] {
		return setting[spec.Source]{read: text, set: func(s *spec.Source, _ string, v any) { *of(s.Git) = v.(string) }}
	}
	span := func(of func(*spec.Git) *time.Duration) setting[spec.Source] {
		return setting[spec.Source]{read: duration, set: func(s *spec.Source, _ string, v any) { *of(s.Git) = v.(time.Duration) }}
	}
	b := &block[spec.Source]{
		settings: map[string]setting[spec.Source]{
			"url":         word(func(g *spec.Git) *string { return &g.URL }),
			"branch":      word(func(g *spec.Git) *string { return &g.Branch }),
			"tag":         word(func(g *spec.Git) *string { return &g.Tag }),
			"path":        word(func(g *spec.Git) *string { return &g.Path }),
			"key":         word(func(g *spec.Git) *string { return &g.Key }),
			"known_hosts": word(func(g *spec.Git) *string { return &g.KnownHosts }),
			"credentials": word(func(g *spec.Git) *string { return &g.Credentials }),
			"ca":          word(func(g *spec.Git) *string { return &g.CA }),
			"poll":        span(func(g *spec.Git) *time.Duration { return &g.Poll }),
			"timeout":     span(func(g *spec.Git) *time.Duration { return &g.Timeout }),
			"max_size":    {read: size, set: func(s *spec.Source, _ string, v any) { s.Git.MaxSize = v.(int64) }},
		},
		blocks: map[string]*block[spec.Source]{
			"window": windowBlock(),
			"verify": {
				present: func(s *spec.Source, _ string) { s.Git.Verify.Mode = "range" },
				settings: map[string]setting[spec.Source]{
					"mode":    word(func(g *spec.Git) *string { return &g.Verify.Mode }),
					"signers": word(func(g *spec.Git) *string { return &g.Verify.Signers }),
					"keyring": word(func(g *spec.Git) *string { return &g.Verify.Keyring }),
				},
			},
		},
	}
	maps.Copy(b.settings, switches())
	return b
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
