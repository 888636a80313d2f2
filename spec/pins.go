package spec

import (
	"slices"
	"strings"
	"time"
)

// Pin says what the source of an image turned out to be: a line of the lock
// file, which lies beside the text and is committed with it.
type Pin struct {
	Image                    // what it is asked for by, and the pin's place
	From   map[string]string // what the source's own words for it are: the digest of a manifest, the version of a product
	Digest string            // of the tree, "sha256-" and 64 hexadecimal digits
	Size   int64             // of the tree, in bytes
	Time   time.Time         // when the tree was made from its source
}

// Pinned is what the lock file has for an image; an empty pin where it has
// none.
func (s Stack) Pinned(i Image) Pin {
	for _, p := range s.Pins {
		if p.Is(i) {
			return p
		}
	}
	return Pin{}
}

// Pinnable says whether a source is the same for everyone who has the text.
// What is built in is made of the host's own busybox, and what was taken over
// is that host's alone.
func Pinnable(source string) bool {
	kind, _, _ := strings.Cut(source, ":")
	return kind != "builtin" && kind != "adopted"
}

// pins checks the lock file.
func (c *checker) pins(pins []Pin) {
	for i, p := range pins {
		bad := func(summary, detail string) {
			c.add(Problem{Path: "pin", Pos: p.Pos, Summary: "image " + quote(p.Source) + ": " + summary, Detail: detail})
		}
		if !treeDigest(p.Digest) {
			bad("its digest "+quote(p.Digest)+" is none", `Digests are "sha256-" and 64 hexadecimal digits. Take the block out of the lock file: the next apply, or "strake lock", writes it anew.`)
		}
		if slices.ContainsFunc(pins[:i], func(q Pin) bool { return q.Is(p.Image) }) {
			bad("it is pinned twice", "Take one of the two blocks out of the lock file.")
		}
	}
}

func treeDigest(word string) bool {
	hex, ok := strings.CutPrefix(word, "sha256-")
	return ok && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
