package view

import (
	"fmt"
	"io"
	"strings"

	"strake/reconcile"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// Generation writes one generation for people.
func Generation(w io.Writer, e reconcile.Entry, c resource.Container, s Style) error {
	p := newPrinter(w)
	p.f("%s\n", s.paint(bold, fmt.Sprintf("%s   generation %d", c.Name, e.Number)))
	for _, f := range [][2]string{
		{"status", EntryStatus(e)}, {"why", e.Why}, {"date", e.Created.Local().Format("2006-01-02 15:04:05 -0700")},
		{"by", e.By}, {"stack", e.Stack}, {"source", e.Origin}, {"commit", e.Commit}, {"impact", e.Impact}, {"note", e.Message},
		{"digest", ShortDigest(e.Digest)}, {"run", e.Run},
	} {
		if f[1] != "" {
			p.f("  %-8s %s\n", f[0], Safe(f[1]))
		}
	}
	p.f("\n")
	for _, set := range c.Settings() {
		value := resource.Shown(set.Value)
		if isText(set.Path) {
			value = size(value)
		}
		p.f("  %s%s\n", pad(Safe(set.Path), 24), Safe(value))
	}
	for _, found := range e.Evidence {
		p.f("\n%s\n", s.paint(bold, Safe(found.What)))
		for line := range strings.Lines(found.Text) {
			p.f("  %s\n", Safe(strings.TrimRight(line, "\r\n")))
		}
	}
	return p.end()
}

// Pair is two generations of one container.
type Pair struct {
	Name     string
	From, To int
}

// Difference writes what differs between two generations.
func Difference(w io.Writer, pair Pair, changes []plan.Change, s Style) error {
	p := newPrinter(w)
	if len(changes) == 0 {
		p.f("%s: generations %d and %d are the same.\n", pair.Name, pair.From, pair.To)
		return p.end()
	}
	p.f("%s\n\n", s.paint(bold, fmt.Sprintf("%s   gen %d -> %d", pair.Name, pair.From, pair.To)))
	list := lines(changes, pair.From)
	widths := width{24, 24}
	widths.fit(list)
	s.changes(p, list, widths)
	return p.end()
}
