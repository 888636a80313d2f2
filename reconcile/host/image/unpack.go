package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// bounds are what an archive may unpack to: it may be small and have no end.
type bounds struct {
	entries int
	bytes   int64 // of the archive, and of all files: one that is sparse has more than it brings
	path    int   // bytes of a name, and of what a link leads to
}

// usual are far above what any system has. Linux takes paths of 4095 bytes.
var usual = bounds{entries: 10_000_000, bytes: 256 << 30, path: 4095}

const xattrRecord = "SCHILY.xattr."

// unpacker makes a tree of an archive. Devices are left out: unprivileged
// containers cannot use them.
type unpacker struct {
	ctx   context.Context
	tree  *tree
	most  bounds
	left  int64           // bytes that files may still have
	layer map[string]bool // what this layer has brought so far; nil: it is the whole
	below string          // folder of the archive that is the tree, the rest is left out; "": all of it
}

// unpackFile unpacks a folder of an archive that may be compressed; "" is all
// of it.
func unpackFile(ctx context.Context, name, root, below string) (sums, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	made, err := unpackStream(ctx, f, root, below)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return made, nil
}

// unpackStream decompresses on one core and makes files on another.
func unpackStream(ctx context.Context, from io.Reader, root, below string) (sums, error) {
	plain, err := decompress(from)
	if err != nil {
		return nil, err
	}
	defer plain.Close()
	r, stop := ahead(plain)
	defer stop()
	return unpack(root, r, unpacker{ctx: ctx, most: usual, below: below})
}

// unpack makes the tree of an archive below root.
func unpack(root string, from io.Reader, u unpacker) (sums, error) {
	t, err := openTree(root)
	if err != nil {
		return nil, err
	}
	defer t.close()
	u.tree, u.left = t, u.most.bytes
	return t.sums, u.run(from)
}

// run unpacks where nothing but the tree can be reached.
func (u *unpacker) run(from io.Reader) error {
	return confined(u.tree.top, func() error { return u.archive(from) })
}

func (u *unpacker) archive(from io.Reader) error {
	entries := tar.NewReader(&bounded{from: from, left: u.most.bytes})
	for seen := 0; ; seen++ {
		h, err := entries.Next()
		switch {
		case err == io.EOF && seen == 0:
			return errors.New("not a tar archive, or an empty one")
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case seen >= u.most.entries:
			return fmt.Errorf("more than %d files: %w", u.most.entries, ErrHostile)
		}
		if err := u.ctx.Err(); err != nil {
			return err
		}
		if err := u.entry(h, entries); err != nil {
			return fmt.Errorf("unpack %.200q: %w", h.Name, err)
		}
	}
}

func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader, tar.TypeChar, tar.TypeBlock:
		return nil
	}
	name, err := u.confined(h.Name)
	if err != nil {
		return err
	}
	name, ok := u.within(name)
	if !ok {
		return nil
	}
	if u.layer != nil {
		if done, err := u.layered(name); done || err != nil {
			return err
		}
	}
	n := nodeOf(h)
	if err := n.check(); err != nil {
		return err
	}
	if name == "." && h.Typeflag != tar.TypeDir {
		return fmt.Errorf("the root is no folder: %w", ErrHostile)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.tree.dir(name, n)
	case tar.TypeReg, tar.TypeGNUSparse:
		return u.file(name, n, h.Size, content)
	case tar.TypeSymlink:
		if len(h.Linkname) > u.most.path {
			return fmt.Errorf("it leads to a path of %d bytes: %w", len(h.Linkname), ErrHostile)
		}
		return u.tree.symlink(name, h.Linkname, n)
	case tar.TypeFifo:
		return u.tree.fifo(name, n)
	case tar.TypeLink:
		old, err := u.confined(h.Linkname)
		if err != nil {
			return err
		}
		if old, ok = u.within(old); !ok {
			return fmt.Errorf("hard link to %q, which is no part of the tree: %w", h.Linkname, ErrHostile)
		}
		return u.tree.link(name, old)
	}
	return fmt.Errorf("entry of unknown type %q: %w", h.Typeflag, ErrHostile)
}

// within is a path of the archive as one of the tree.
func (u *unpacker) within(name string) (string, bool) {
	if u.below == "" {
		return name, true
	}
	if name == u.below {
		return ".", true
	}
	return strings.CutPrefix(name, u.below+"/")
}

func (u *unpacker) file(name string, n node, size int64, content io.Reader) error {
	if u.left -= size; u.left < 0 {
		return fmt.Errorf("files of more than %d bytes: %w", u.most.bytes, ErrHostile)
	}
	return u.tree.file(name, n, content)
}

func nodeOf(h *tar.Header) node {
	n := node{mode: uint32(h.Mode & 0o7777), uid: h.Uid, gid: h.Gid, mtime: h.ModTime}
	for key, value := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, xattrRecord); ok {
			n.set(name, value)
		}
	}
	return n
}

func (n *node) set(xattr, value string) {
	if n.xattrs == nil {
		n.xattrs = map[string]string{}
	}
	n.xattrs[xattr] = value
}

// confined cleans a path of an archive: "./etc/x", "/etc/x" and "etc/x" are
// one. One that climbs is refused rather than bent.
func (u *unpacker) confined(name string) (string, error) {
	if strings.Contains(name, "\x00") {
		return "", fmt.Errorf("NUL in a path: %w", ErrHostile)
	}
	if len(name) > u.most.path {
		return "", fmt.Errorf("a path of %d bytes: %w", len(name), ErrHostile)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("path climbs out: %w", ErrHostile)
		}
		if len(part) > unix.NAME_MAX {
			return "", fmt.Errorf("a name of %d bytes: %w", len(part), ErrHostile)
		}
	}
	return path.Clean("./" + strings.TrimLeft(name, "/")), nil
}

// bounded ends with an error after left bytes.
type bounded struct {
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("an archive without end: %w", ErrHostile)
	}
	return n, err
}
