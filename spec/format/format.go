// Package format is the canonical layout of a configuration's text: spaces,
// indents and aligned equal signs, nothing else. It never changes what a text
// means, and refuses text that does not parse.
package format

import (
	"bytes"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// Format lays src out. Formatting the result again changes nothing. What can't
// be laid out is told as spec.Diagnostics, for which the text has that name.
func Format(name string, src []byte) ([]byte, error) {
	for bytes.Contains(src, []byte("\r\n")) {
		src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	}
	file := source.File{Name: name, Bytes: src}
	if file.JSON() {
		return nil, spec.Diagnostics{{Severity: spec.Error, Summary: "JSON has no layout of its own: " + name, Detail: "What is laid out is *.hcl and *.hclvars."}}
	}
	if ds := lang.Syntax(file); ds.HasErrors() {
		return nil, ds
	}
	return settle(src), nil
}

// settle repeats the layout until it is stable: a first pass can join lines
// that a second one aligns.
func settle(src []byte) []byte {
	for range 4 {
		next := bytes.TrimRight(hclwrite.Format(src), "\n \t\r")
		if len(next) > 0 {
			next = append(next, '\n')
		}
		if bytes.Equal(next, src) {
			return next
		}
		src = next
	}
	return src
}
