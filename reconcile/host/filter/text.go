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
		f.elements(&b, s, e[s.name])
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

func (s set) ranges() bool { return strings.Contains(s.kind, "flags interval") }

// elements adds some, in a fixed order.
func (f *Filter) elements(b *strings.Builder, s set, list map[string]element) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(b, "add element %s %s %s {", s.family, f.table, s.name)
	for i, key := range slices.Sorted(maps.Keys(list)) {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(" " + asWritten(s.name, key))
		el := list[key]
		if el.Comment != "" {
			b.WriteString(` comment "` + el.Comment + `"`)
		}
		if el.Verdict != "" {
			b.WriteString(" : " + el.Verdict)
		}
	}
	b.WriteString(" }\n")
}
