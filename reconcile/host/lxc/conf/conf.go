// Package conf reads the text of LXC configurations as liblxc's parser does,
// and puts in what they include. It opens no file itself, knows no key but
// lxc.include, and bounds what it takes: a text from anywhere ends in lines or
// in an error, and no error shows what a line holds beyond its key.
package conf

import (
	"errors"
	"fmt"
	"strings"

	"strake/reconcile/resource"
)

// What is more than any real configuration has.
const (
	MostText  = 1 << 20 // bytes of one file
	mostLines = 20_000  // of all files together
	mostDepth = 16      // of includes in each other
)

// The refusals.
var (
	// ErrSyntax: liblxc would not take the text.
	ErrSyntax = errors.New("not an LXC configuration")
	// ErrTooMuch: includes without an end, or far more lines than make sense.
	ErrTooMuch = errors.New("too much for an LXC configuration")
)

// File is one that is included.
type File struct{ Path, Text string }

// Read finds what an lxc.include names: a file, or all *.conf of a folder.
type Read func(path string) ([]File, error)

// Parse reads one text; includes stay lines.
func Parse(f File) ([]resource.Line, error) {
	if len(f.Text) > MostText {
		return nil, fmt.Errorf("%s: %w: %d bytes", f.Path, ErrTooMuch, len(f.Text))
	}
	if strings.ContainsRune(f.Text, 0) {
		return nil, fmt.Errorf("%s: %w: it has NUL bytes", f.Path, ErrSyntax)
	}
	var list []resource.Line
	number := 0
	for text := range strings.Lines(f.Text) {
		number++
		text = trim(text)
		if text == "" || text[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(text, "=")
		key = trim(key)
		if !ok || !strings.HasPrefix(key, "lxc.") || strings.ContainsAny(key, " \t") {
			return nil, fmt.Errorf("%s:%d: %w: a line is not of the form lxc.KEY = VALUE", f.Path, number, ErrSyntax)
		}
		list = append(list, resource.Line{Key: key, Value: Unquote(trim(value))})
		if len(list) > mostLines {
			return nil, fmt.Errorf("%s: %w: more than %d lines", f.Path, ErrTooMuch, mostLines)
		}
	}
	return list, nil
}

// trim takes off what liblxc does: blanks, tabs and the end of the line
// (isspace(3)).
func trim(s string) string { return strings.Trim(s, " \t\n\v\f\r") }

// Unquote takes off one pair of quotes around all of a value.
func Unquote(value string) string {
	n := len(value)
	if n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
		return value[1 : n-1]
	}
	return value
}

// Flatten reads a text with all that it includes, in the order in which
// liblxc takes it.
func Flatten(f File, read Read) ([]resource.Line, error) {
	w := walk{read: read}
	err := w.add(f, 0)
	return w.lines, err
}

type walk struct {
	read  Read
	lines []resource.Line
	files int
}

func (w *walk) add(f File, depth int) error {
	w.files++
	if depth > mostDepth || w.files > mostLines {
		return fmt.Errorf("%s: %w: includes in each other", f.Path, ErrTooMuch)
	}
	list, err := Parse(f)
	if err != nil {
		return err
	}
	for _, l := range list {
		if l.Key != "lxc.include" {
			if w.lines = append(w.lines, l); len(w.lines) > mostLines {
				return fmt.Errorf("%s: %w: more than %d lines with what it includes", f.Path, ErrTooMuch, mostLines)
			}
			continue
		}
		files, err := w.read(l.Value)
		if err != nil {
			return fmt.Errorf("%s: include: %w", f.Path, err)
		}
		for _, inner := range files {
			if err := w.add(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
