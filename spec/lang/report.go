package lang

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apparentlymart/go-textseg/v15/textseg"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"strake/spec"
)

// fail adds an error of our own.
func (l *loader) fail(at hcl.Range, summary, detail string) {
	l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at})
}

// warn adds what does not stop the run.
func (l *loader) warn(at hcl.Range, summary, detail string) {
	l.diags = append(l.diags, &hcl.Diagnostic{Severity: hcl.DiagWarning, Summary: summary, Detail: detail, Subject: &at})
}

// ring shows a cycle, the middle of a long one left out.
func ring(names []string) string {
	if len(names) > 12 {
		names = append(append(slices.Clone(names[:6]), fmt.Sprintf("(%d more)", len(names)-11)), names[len(names)-5:]...)
	}
	return strings.Join(names, " -> ")
}

func (l *loader) broken() bool { return l.diags.HasErrors() }

func quote(s string) string {
	if len(s) > 80 {
		s = s[:64] + "..."
	}
	return strconv.Quote(s)
}

// place is where a range starts.
func place(r hcl.Range) spec.Pos {
	return spec.Pos{File: r.Filename, Line: r.Start.Line, Column: r.Start.Column}
}

func end(r hcl.Range) spec.Pos {
	return spec.Pos{File: r.Filename, Line: r.End.Line, Column: r.End.Column}
}

// mostDiagnostics is more than anybody reads. Without a bound, text that was
// made for it takes hours to be told what is wrong with it.
const mostDiagnostics = 1000

// report makes plain values of all that was found: each once, in the order of
// the text, with its source line, and without secrets.
func (l *loader) report() Diagnostics {
	var list Diagnostics
	for _, d := range l.diags[:min(len(l.diags), mostDiagnostics)] {
		list = append(list, l.plain(d))
	}
	list = append(list, l.found[:min(len(l.found), mostDiagnostics)]...)
	if more := len(l.diags) + len(l.found) - len(list); more > 0 {
		list = append(list, spec.Diagnostic{Severity: spec.Error, Summary: fmt.Sprintf("there are %d mistakes more", more), Detail: "They are shown when some of these are mended."})
	}
	list.Sort()
	lines := lines{}
	seen := map[spec.Diagnostic]bool{}
	kept := list[:0]
	for _, d := range list {
		l.hide(&d)
		if seen[d] {
			continue
		}
		seen[d] = true
		file := l.files[d.Pos.File]
		d.From = lines.offset(file, d.Pos)
		switch line := strings.TrimSuffix(lines.line(file, d.Pos), "\r"); {
		case len(line) <= widest:
			d.Source = line
		case !l.sensitive: // half of a secret is not found to be one
			d.Source, d.Cut = around(file.Bytes, d)
		}
		if d.End.Line == 0 {
			d.End = d.Pos
			d.End.Column = d.Cut + len([]rune(strings.TrimRight(d.Source, " ,\t\r"))) + 1
		}
		d.To = lines.offset(l.files[d.End.File], d.End)
		if l.secret(d) {
			d.Source = ""
		}
		kept = append(kept, d)
	}
	return kept
}

func (l *loader) plain(d *hcl.Diagnostic) spec.Diagnostic {
	p := spec.Diagnostic{Severity: spec.Error, Summary: lowerFirst(d.Summary), Detail: d.Detail}
	if d.Severity == hcl.DiagWarning {
		p.Severity = spec.Warning
	}
	if d.Subject != nil {
		p.Pos, p.End = place(*d.Subject), end(*d.Subject)
	}
	// HCL looks for near names in the innermost scope alone, which may have no functions.
	if call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallUnknownDiagExtra](d); ok && call.CalledFunctionNamespace() == "" {
		name := call.CalledFunctionName()
		p.Detail = "There is no function named " + quote(name) + "." + spec.DidYouMean(name, slices.Sorted(maps.Keys(l.scope.base.Functions)))
	}
	if l.sensitive && aboutSecret(d) {
		p.Detail = "A sensitive value takes part in this, so the details are left out."
	}
	return p
}

// lowerFirst brings HCL's summaries into line with ours.
func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// aboutSecret says whether the failed expression looks at a sensitive value.
func aboutSecret(d *hcl.Diagnostic) bool {
	if d.Expression == nil || d.EvalContext == nil {
		return false
	}
	for _, t := range d.Expression.Variables() {
		v, diags := t.TraverseAbs(d.EvalContext)
		if !diags.HasErrors() && v.ContainsMarked() {
			return true
		}
	}
	return false
}

// hide takes secrets out of texts that quote a value which lost its mark on
// the way: elements inside a for expression have none.
func (l *loader) hide(d *spec.Diagnostic) {
	for _, s := range l.secrets {
		d.Summary = strings.ReplaceAll(d.Summary, s, "(sensitive)")
		d.Detail = strings.ReplaceAll(d.Detail, s, "(sensitive)")
	}
}

// secret says whether the source line may show a secret: it has one in it, or
// stands where one is written, or in a file of values of which nobody knows
// what they are for once it is wrong.
func (l *loader) secret(d spec.Diagnostic) bool {
	if l.sensitive && l.outside[d.Pos.File] {
		return true
	}
	within := func(r hcl.Range) bool {
		return r.Filename == d.Pos.File && r.Start.Line <= d.Pos.Line && d.Pos.Line <= r.End.Line
	}
	return slices.ContainsFunc(l.written, within) || slices.ContainsFunc(l.secrets, func(s string) bool { return strings.Contains(d.Source, s) })
}

// lines are the lines of files, cut when they are first needed.
type lines map[string][]string

// line is the source line of a position.
func (s lines) line(f *hcl.File, p spec.Pos) string {
	if f == nil {
		return ""
	}
	if s[p.File] == nil {
		s[p.File] = strings.Split(string(f.Bytes), "\n")
	}
	if p.Line < 1 || p.Line > len(s[p.File]) {
		return ""
	}
	return s[p.File][p.Line-1]
}

// Of a line that is longer than widest, what is shown reaches so far from the
// mistake, in characters: JSON may be all in one line.
const (
	widest = 400
	reach  = 60
)

// around is what of a long line stands before and behind a mistake, and how
// many characters of the line come before it.
func around(text []byte, d spec.Diagnostic) (string, int) {
	start, stop, before := d.From, d.From, 0
	for ; before < reach && start > 0 && text[start-1] != '\n'; before++ {
		_, n := utf8.DecodeLastRune(text[:start])
		start -= n
	}
	for n := 0; n < reach && stop < len(text) && text[stop] != '\n'; n++ {
		_, size := utf8.DecodeRune(text[stop:])
		stop += size
	}
	return string(text[start:stop]), d.Pos.Column - 1 - before
}

// offset is a position in bytes. HCL's columns count what people see as one
// character.
func (s lines) offset(f *hcl.File, p spec.Pos) int {
	rest := []byte(s.line(f, p))
	if f == nil || p.Line < 1 {
		return 0
	}
	at := 0
	for _, line := range s[p.File][:min(p.Line-1, len(s[p.File]))] {
		at += len(line) + 1
	}
	for column := 1; column < p.Column && len(rest) > 0; column++ {
		n, _, err := textseg.ScanGraphemeClusters(rest, true)
		if err != nil || n == 0 {
			break
		}
		at, rest = at+n, rest[n:]
	}
	return min(at, len(f.Bytes))
}

// ends tells for the start of every expression and block header where it
// ends. It is made only when there is something to underline.
func (l *loader) ends() map[spec.Pos]spec.Pos {
	ends := map[spec.Pos]spec.Pos{}
	for _, f := range l.files {
		body, ok := f.Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
			r, ok := underlined(n)
			if p := place(r); ok && ends[p].Compare(end(r)) < 0 {
				ends[p] = end(r)
			}
			return nil
		})
	}
	return ends
}

func underlined(n hclsyntax.Node) (hcl.Range, bool) {
	switch n := n.(type) {
	case *hclsyntax.Block:
		return n.DefRange(), true
	case hclsyntax.Expression:
		return n.Range(), true
	}
	return hcl.Range{}, false
}
