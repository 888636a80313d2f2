package spec

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Severity says whether a diagnostic stops the run.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Diagnostic is one thing that is wrong with a configuration, and where.
type Diagnostic struct {
	Severity Severity
	Summary  string // what is wrong, one line
	Detail   string // how to mend it
	Pos      Pos    // zero when it has no place in the text
	End      Pos    // just after the last character
	From, To int    // the same two places as bytes of the file, a byte order mark not counted
	Source   string // the line that Pos is on, for a caret, or what of a long one is around it; left out where it would show a secret
	Cut      int    // how many characters of the line come before Source
}

// Diagnostics are all of a run, in the order of the text. They are an error.
type Diagnostics []Diagnostic

// HasErrors says whether the configuration can't be used.
func (ds Diagnostics) HasErrors() bool {
	return slices.ContainsFunc(ds, func(d Diagnostic) bool { return d.Severity == Error })
}

// Error is all of them as plain text.
func (ds Diagnostics) Error() string {
	texts := make([]string, len(ds))
	for i, d := range ds {
		texts[i] = d.String()
	}
	return strings.Join(texts, "\n")
}

// Sort orders them by file, line and column. Those without a place come first.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int { return a.Pos.Compare(b.Pos) })
}

// Compare orders positions by file, line and column.
func (p Pos) Compare(q Pos) int {
	if n := strings.Compare(p.File, q.File); n != 0 {
		return n
	}
	if p.Line != q.Line {
		return p.Line - q.Line
	}
	return p.Column - q.Column
}

// String is the diagnostic as plain text: place, line with caret, how to mend it.
func (d Diagnostic) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", d.Severity, d.Summary)
	if d.Pos.File != "" {
		fmt.Fprintf(&b, "  %s:%d:%d\n", d.Pos.File, d.Pos.Line, d.Pos.Column)
	}
	if d.Source != "" {
		fmt.Fprintf(&b, "  %5d | %s\n        | %s\n", d.Pos.Line, strings.ReplaceAll(d.Source, "\t", " "), d.Caret())
	}
	if d.Detail != "" {
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(d.Detail, "\n", "\n  "))
	}
	return b.String()
}

// Caret is the line to put under Source.
func (d Diagnostic) Caret() string {
	at, n := max(d.Pos.Column-1-d.Cut, 0), 1
	rest := utf8.RuneCountInString(d.Source) - at
	switch {
	case d.End.Line == d.Pos.Line:
		n = min(d.End.Column-d.Pos.Column, rest)
	case d.End.Line > d.Pos.Line:
		n = rest
	}
	return strings.Repeat(" ", at) + strings.Repeat("^", max(n, 1))
}
