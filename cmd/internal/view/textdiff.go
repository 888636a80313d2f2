package view

import (
	"fmt"
	"io"

	"github.com/rogpeppe/go-internal/diff"
)

// TextDiff writes a unified diff of two texts of one file; nothing where they
// are equal.
func TextDiff(w io.Writer, name string, before, after []byte) error {
	if _, err := w.Write(diff.Diff(name, before, name+" (laid out)", after)); err != nil {
		return fmt.Errorf("write diff: %w", err)
	}
	return nil
}
