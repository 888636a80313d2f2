package view

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Table is rows under a head. Cells have no line breaks.
type Table struct {
	Head []string
	Rows [][]string
	Tint func(row, column int) string // may be nil: "good", "warn", "bad" or ""
}

// Write writes the table: aligned for people, or plain. One without rows is
// nothing at all.
func (t Table) Write(w io.Writer, s Style) error {
	p := newPrinter(w)
	if len(t.Rows) == 0 {
		return nil
	}
	if s.Plain {
		for _, row := range t.Rows {
			p.f("%s\n", strings.Join(t.clean(row, "-"), "\t"))
		}
		return p.end()
	}
	widths := t.widths()
	p.f("%s\n", s.paint(bold, aligned(t.Head, widths, nil)))
	for i, row := range t.Rows {
		p.f("%s\n", aligned(t.clean(row, ""), widths, func(column int, text string) string { return s.paint(t.tint(i, column), text) }))
	}
	return p.end()
}

// clean gives every cell a text that is one field of one line.
func (t Table) clean(row []string, empty string) []string {
	cells := make([]string, len(row))
	for i, c := range row {
		if cells[i] = Safe(c); c == "" {
			cells[i] = empty
		}
	}
	return cells
}

func (t Table) tint(row, column int) tint {
	if t.Tint == nil {
		return ""
	}
	return map[string]tint{"good": green, "warn": yellow, "bad": red}[t.Tint(row, column)]
}

func (t Table) widths() []int {
	widths := make([]int, len(t.Head))
	for _, row := range append([][]string{t.Head}, t.Rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(Safe(cell)))
		}
	}
	return widths
}

// aligned joins cells with two spaces between columns and none at the end.
// Cells are painted after they are padded: colours take no room.
func aligned(cells []string, widths []int, paint func(int, string) string) string {
	var b strings.Builder
	last := len(cells) - 1
	for last > 0 && cells[last] == "" {
		last--
	}
	for i, cell := range cells[:last+1] {
		text := cell
		if paint != nil {
			text = paint(i, cell)
		}
		b.WriteString(text)
		if i < last {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
	}
	return b.String()
}

// pad fills text up to a width, and always leaves two spaces behind it.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 0)+2)
}
