package view

import (
	"io"

	"strake/reconcile/host/kernel"
)

// Findings writes a diagnosis, and under each finding the command that mends it.
func Findings(w io.Writer, list []kernel.Finding, s Style) error {
	t := Table{Head: []string{"SUBJECT", "", "MEANING"}}
	if s.Plain {
		for _, f := range list {
			t.Rows = append(t.Rows, []string{f.Subject, string(f.Level), f.Meaning, f.Mend})
		}
		return t.Write(w, s)
	}
	p := newPrinter(w)
	tints := map[kernel.Level]tint{kernel.OK: green, kernel.Warn: yellow, kernel.Fail: red}
	for _, f := range list {
		p.f("%s%s%s\n", s.paint(tints[f.Level], pad(string(f.Level), 4)), pad(f.Subject, 16), f.Meaning)
		if f.Mend != "" {
			p.f("%24s%s\n", "", s.paint(bold, f.Mend))
		}
	}
	return p.end()
}
