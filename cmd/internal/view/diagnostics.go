package view

import (
	"io"
	"strings"

	"strake/spec"
)

// Diagnostics writes what is wrong with a configuration, each with its place
// and a caret below it.
func Diagnostics(w io.Writer, ds spec.Diagnostics, s Style) error {
	p := &printer{w: w}
	for i, d := range ds {
		if i > 0 {
			p.f("\n")
		}
		s.diagnostic(p, d)
	}
	return p.err
}

func (s Style) diagnostic(p *printer, d spec.Diagnostic) {
	t := red
	if d.Severity == spec.Warning {
		t = yellow
	}
	p.f("%s %s\n", s.paint(t, string(d.Severity)+":"), s.paint(bold, Safe(d.Summary)))
	if d.Pos.File != "" {
		p.f("  %s:%d:%d\n", Safe(d.Pos.File), d.Pos.Line, d.Pos.Column)
	}
	if d.Source != "" {
		p.f("  %5d | %s\n        | %s\n", d.Pos.Line, Safe(strings.ReplaceAll(d.Source, "\t", " ")), s.paint(t, d.Caret()))
	}
	for line := range strings.Lines(d.Detail) {
		p.f("  %s\n", Safe(strings.TrimRight(line, "\n")))
	}
}
