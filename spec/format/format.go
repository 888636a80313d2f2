// Package format is the canonical layout of a configuration's text: spaces,
// indents and aligned equal signs, nothing else. It never changes what a text
// means, and refuses text that does not parse.
package format

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"strake/spec/lang"
	"strake/spec/source"
)

// Format lays src out. Formatting the result again changes nothing. name is
// shown in the error.
func Format(name string, src []byte) ([]byte, error) {
	for bytes.Contains(src, []byte("\r\n")) {
		src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	}
	if err := lang.Flat(source.File{Name: name, Bytes: src}); err != nil {
		return nil, fmt.Errorf("format %s: %w", name, err)
	}
	if _, diags := hclsyntax.ParseConfig(src, name, hcl.InitialPos); diags.HasErrors() {
		return nil, fmt.Errorf("format %s: %w", name, diags)
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
