package resource

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// File is a file that strake writes into a container. What it holds is either
// Content or, where that is long or no text, what Digest says.
type File struct {
	Path     string `json:"path"` // absolute, cleaned
	Content  string `json:"content,omitempty"`
	Digest   string `json:"digest,omitempty"` // "sha256-" and 64 hex digits
	Size     int64  `json:"size,omitempty"`   // bytes, with Digest
	Odd      string `json:"odd,omitempty"`    // what was found is no file that strake could have written: "a folder"
	Mode     string `json:"mode"`             // four octal digits
	Owner    string `json:"owner"`            // "USER:GROUP", or "USER" for the user's own group
	OnChange string `json:"on_change,omitempty"`
}

// mostInline is how much text of a file stands in records and plans.
const mostInline = 16 << 10

// Holding is the file with this content: as it is where it is short text,
// else by its digest.
func (f File) Holding(content []byte) File {
	f.Content, f.Digest, f.Size = string(content), "", 0
	if len(content) > mostInline || !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		f.Content, f.Digest, f.Size = "", ContentDigest(content), int64(len(content))
	}
	return f
}

// ContentDigest is what a content is known by.
func ContentDigest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256-" + hex.EncodeToString(sum[:])
}

// unlikeText begins a value that stands for what is no text: no text that is
// shown as it is has a NUL.
const unlikeText = "\x00"

// holds is the content as the value of a setting.
func (f File) holds() string {
	switch {
	case f.Odd != "":
		return unlikeText + f.Odd
	case f.Digest != "":
		return fmt.Sprintf("%s%s (%s)", unlikeText, f.Digest, Bytes(f.Size))
	}
	return f.Content
}

func (f File) settings(kind string, s *settings) {
	at := Labelled(kind, f.Path)
	s.add(at+".content", f.holds())
	s.add(at+".mode", f.Mode)
	s.add(at+".owner", f.Owner)
	s.add(at+".on_change", f.OnChange)
}

// Unit is what has to be told when the file has changed: verb is "reload" or
// "restart"; both are "" where it is nothing, or the container itself.
func (f File) Unit() (verb, unit string) {
	verb, unit, told := strings.Cut(f.OnChange, ":")
	if !told {
		return "", ""
	}
	return verb, unit
}

// FileAt finds a file by its path.
func (c *Container) FileAt(path string) (File, bool) {
	if c == nil {
		return File{}, false
	}
	i := slices.IndexFunc(c.Files, func(f File) bool { return f.Path == path })
	if i < 0 {
		return File{}, false
	}
	return c.Files[i], true
}

// FileSet is what a container's root filesystem is to hold of files.
type FileSet struct {
	Root   Root
	Init   int      // whose mounts may hide some; 0: not up
	Files  []File   // to lie there
	Gone   []string // paths where the image's own belongs
	Reveal func(digest string) ([]byte, error)
	Left   func(path string) bool // settings of files that stay as they are, where there is a file; nil: none
}

// FilesOf are the files of c, to lie in its root.
func FilesOf(c Container, reveal func(digest string) ([]byte, error)) FileSet {
	return FileSet{Root: RootOf(c), Files: c.Files, Reveal: reveal, Left: c.Ignores}
}

// Leaves says whether a part of a file, "content", "mode" or "owner", is not
// to be changed.
func (s FileSet) Leaves(f File, part string) bool {
	return s.Left != nil && s.Left(Labelled("file", f.Path)+"."+part)
}

// Short is a value that stands for what is no text, as people see it.
func Short(value string) (string, bool) {
	rest, ok := strings.CutPrefix(value, unlikeText)
	if digest, size, long := strings.Cut(rest, " ("); long && strings.HasPrefix(digest, "sha256-") {
		return digest[:len("sha256-")+12] + " (" + size, ok
	}
	return rest, ok
}
