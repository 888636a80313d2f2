package filter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// layout is the text of all tables with their elements, in the place of what
// was there of them.
func (f *Filter) layout(e entries) string {
	var b strings.Builder
	b.WriteString(f.clear())
	for _, family := range families() {
		fmt.Fprintf(&b, "table %s %s {\n", family, f.table)
		for _, s := range sets() {
			if s.family == family {
				b.WriteString(s.declaration())
			}
		}
		b.WriteString(rulesOf(family))
		b.WriteString("}\n")
	}
	for _, s := range sets() {
		f.command(&b, "add", s, e[s.name])
	}
	return b.String()
}

func (s set) declaration() string {
	word := "set"
	if strings.Contains(s.kind, " : ") {
		word = "map"
	}
	return fmt.Sprintf("%s %s { %s; }\n", word, s.name, s.kind)
}

// difference is the shortest way from one to the other. An element whose
// comment differs is deleted and added: the kernel changes none.
func (f *Filter) difference(have, want entries) string {
	var b strings.Builder
	for _, s := range sets() {
		if s.name != about {
			f.command(&b, "delete", s, without(have[s.name], want[s.name]))
		}
	}
	for _, s := range sets() {
		if s.name != about {
			f.command(&b, "add", s, without(want[s.name], have[s.name]))
		}
	}
	return b.String()
}

func without(a, b map[string]element) map[string]element {
	rest := map[string]element{}
	for key, el := range a {
		if other, ok := b[key]; !ok || other != el {
			rest[key] = el
		}
	}
	return rest
}

// command adds or deletes elements, in a fixed order. A map's element is
// deleted by its key; naming the verdict too is allowed and harmless.
func (f *Filter) command(b *strings.Builder, verb string, s set, list map[string]element) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "%s element %s %s %s {", verb, s.family, f.table, s.name)
	for i, key := range slices.Sorted(maps.Keys(list)) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(" " + asWritten(s.name, key))
		el := list[key]
		if el.Comment != "" && verb == "add" {
			b.WriteString(` comment "` + el.Comment + `"`)
		}
		if el.Verdict != "" {
			b.WriteString(" : " + el.Verdict)
		}
	}
	b.WriteString(" }\n")
}
