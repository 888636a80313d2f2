// Package source is where a stack's text comes from: a file, a folder or the
// standard input. It hands out bytes that are known to be text and known to
// lie inside one root folder; it does not look at what they say.
package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The most that is read. Ten thousand containers written out one by one are
// about 3 MiB.
const (
	MaxFile  = 4 << 20
	MaxTotal = 64 << 20
)

// The errors that Read wraps, for callers that tell them apart.
var (
	ErrEmpty      = errors.New("holds no *.hcl file")
	ErrNotRegular = errors.New("is not a regular file")
	ErrNotText    = errors.New("is not text")
	ErrTooLarge   = errors.New("is too large")
	ErrOutside    = errors.New("leads out of its folder")
)

// Text is everything that one configuration root says.
type Text struct {
	Name   string // default name of the stack
	Root   string // absolute folder; nothing outside it is ever read
	Origin string // absolute path of the file or folder, "-" for the standard input: the identity of the stack's source
	Files  []File // in name order
	Lock   *File  // pinned images, or nil
	Vars   []File // the folder's *.auto.hclvars, in name order
}

// File is one file of it: without a byte order mark, UTF-8, no NUL bytes.
type File struct {
	Name  string // relative to the root folder, as diagnostics show it
	Bytes []byte
}

// JSON says whether the file is in HCL's JSON form.
func (f File) JSON() bool { return strings.HasSuffix(f.Name, ".json") }

// Read reads the configuration at path: a file, a folder (its *.hcl and
// *.hcl.json in name order, no folders below it), or "-" for the standard
// input.
func Read(path string) (Text, error) {
	if path == "-" {
		return readInput(os.Stdin)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return Text{}, fmt.Errorf("find %s: %w", path, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return Text{}, unreadable(path, err)
	}
	if info.IsDir() {
		return readFolder(path, abs)
	}
	return readSingle(path, abs)
}

// ReadVars reads one file of variable values. It may lie anywhere: it was
// named by hand. It keeps the name that it was given by.
func ReadVars(path string) (File, error) {
	text, err := readSingle(path, filepath.Clean(path)) // a lock beside it is nobody's
	if err != nil {
		return File{}, err
	}
	return File{Name: filepath.Clean(path), Bytes: text.Files[0].Bytes}, nil
}

func readInput(in io.Reader) (Text, error) {
	root, err := os.Getwd()
	if err != nil {
		return Text{}, fmt.Errorf("find the current folder: %w", err)
	}
	data, err := bounded("the standard input", in)
	if err == nil {
		data, err = check("the standard input", data)
	}
	if err != nil {
		return Text{}, err
	}
	return Text{Name: "stdin", Root: root, Origin: "-", Files: []File{{Name: inputName(data), Bytes: data}}}, nil
}

// inputName tells the two forms apart: no line of HCL starts with a brace.
func inputName(data []byte) string {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return "stdin.hcl.json"
	}
	return "stdin.hcl"
}

func readSingle(shown, abs string) (Text, error) {
	dir, base := filepath.Split(abs)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Text{}, unreadable(shown, err)
	}
	defer root.Close()
	data, err := readFile(root, base, shown)
	if err != nil {
		return Text{}, err
	}
	lock, err := readLock(root, filepath.Dir(shown))
	if err != nil {
		return Text{}, err
	}
	return Text{
		Name:   StackName(base),
		Root:   filepath.Clean(dir),
		Origin: abs,
		Files:  []File{{Name: base, Bytes: data}},
		Lock:   lock,
	}, nil
}

func unreadable(shown string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("read %s: %w", shown, os.ErrNotExist)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("read %s: %w", shown, os.ErrPermission)
	}
	return fmt.Errorf("read %s: %w", shown, err)
}
