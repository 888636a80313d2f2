package view

import (
	"io"
	"regexp"
	"strings"
	"sync"

	"strake/spec"
)

// Diagnostics writes what is wrong with a configuration, each with its place
// and a caret below it.
func Diagnostics(w io.Writer, ds spec.Diagnostics, s Style) error {
	p := newPrinter(w)
	for i, d := range ds {
		if i > 0 {
			p.f("\n")
		}
		s.diagnostic(p, d)
	}
	return p.end()
}

// diagnosed is a document about a configuration; reference: cmd/README.md.
type diagnosed struct {
	Version     int         `json:"version"`
	Valid       bool        `json:"valid"`
	Diagnostics []diagnosis `json:"diagnostics"`
}

type diagnosis struct {
	Severity spec.Severity `json:"severity"`
	Summary  string        `json:"summary"`
	Detail   string        `json:"detail,omitempty"`
	Hint     string        `json:"hint,omitempty"`
	Range    *textRange    `json:"range,omitempty"`
	Snippet  string        `json:"snippet,omitempty"`
}

type textRange struct {
	File  string    `json:"file"`
	Start textPlace `json:"start"`
	End   textPlace `json:"end"`
}

type textPlace struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

var nearest = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`Did you mean "[^"]*"\?`) })

// DiagnosticsJSON writes the same for machines, as one document.
func DiagnosticsJSON(w io.Writer, ds spec.Diagnostics) error {
	doc := diagnosed{Version: 1, Valid: !ds.HasErrors(), Diagnostics: []diagnosis{}}
	for _, d := range ds {
		one := diagnosis{Severity: d.Severity, Summary: d.Summary, Detail: d.Detail, Hint: nearest().FindString(d.Detail), Snippet: d.Source}
		if d.Pos.File != "" {
			one.Range = &textRange{d.Pos.File, textPlace{d.Pos.Line, d.Pos.Column, d.From}, textPlace{d.End.Line, d.End.Column, d.To}}
		}
		doc.Diagnostics = append(doc.Diagnostics, one)
	}
	return JSON(w, doc)
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
