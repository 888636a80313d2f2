// Package view renders plans, tables, diagnostics and results: as text for
// people, and as JSON for machines. It reads values and writes to what it is
// given; it asks no clock, no terminal and no host, so that equal values give
// equal text.
package view

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Style is how text is written.
type Style struct {
	Color bool
	Plain bool // tables without a head, their columns parted by tabs
	Bare  bool // lines of the diary without their time
}

// tint is an SGR sequence of ECMA-48.
type tint string

const (
	green   tint = "32"
	yellow  tint = "33"
	red     tint = "31"
	magenta tint = "35"
	bold    tint = "1"
	faint   tint = "2"
)

func (s Style) paint(t tint, text string) string {
	if !s.Color || text == "" || t == "" {
		return text
	}
	return "\x1b[" + string(t) + "m" + text + "\x1b[0m"
}

// JSON writes a value as indented JSON.
func JSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// Line writes a value as JSON on one line, as in NDJSON.
func Line(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

// Moment is a time for people, as their clock shows it.
func Moment(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// ShortDigest is as much of a digest as people tell apart.
func ShortDigest(d string) string {
	name, hex, ok := strings.Cut(d, "-")
	if !ok {
		name, hex = "", d
	}
	if len(hex) <= 12 {
		return d
	}
	if name == "" {
		return hex[:12]
	}
	return name + "-" + hex[:12]
}

// printer gathers what is written and keeps the first error: the plan of ten
// thousand containers has more than a hundred thousand lines.
type printer struct{ w *bufio.Writer }

func newPrinter(w io.Writer) *printer { return &printer{bufio.NewWriter(w)} }

func (p *printer) f(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

func (p *printer) end() error { return p.w.Flush() }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Safe shows what would move a terminal's cursor as the text that it is.
func Safe(s string) string {
	clean := func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 }
	if !strings.ContainsFunc(s, clean) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if clean(r) {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
