package image

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// An archive may be small and unpack without end.
const (
	mostEntries = 10_000_000
	mostBytes   = 256 << 30
)

const xattrRecord = "SCHILY.xattr."

func unpackFile(ctx context.Context, name, root string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := decompress(f)
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer r.Close()
	if err := unpack(ctx, r, root); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	return nil
}

// decompress tells the compression by the first bytes, whatever the name.
func decompress(f io.Reader) (io.ReadCloser, error) {
	r := bufio.NewReaderSize(f, 1<<16)
	head, err := r.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		x, err := xz.NewReader(r)
		return io.NopCloser(x), err
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(256<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case bytes.HasPrefix(head, []byte("BZh")):
		return io.NopCloser(bzip2.NewReader(r)), nil
	}
	return io.NopCloser(r), nil
}

// unpack makes the tree of an archive below root. Devices are left out:
// unprivileged containers cannot use them.
func unpack(ctx context.Context, from io.Reader, root string) error {
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.close()
	archive := tar.NewReader(&bounded{ctx: ctx, from: from, left: mostBytes})
	seen := 0
	for ; ; seen++ {
		h, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if seen >= mostEntries {
			return fmt.Errorf("more than %d files: %w", mostEntries, ErrHostile)
		}
		if err := t.entry(h, &bounded{ctx: ctx, from: archive, left: mostBytes}); err != nil {
			return fmt.Errorf("unpack %q: %w", h.Name, err)
		}
	}
	if seen == 0 {
		return errors.New("not a tar archive, or an empty one")
	}
	return nil
}

func (t *tree) entry(h *tar.Header, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader, tar.TypeChar, tar.TypeBlock:
		return nil
	}
	name, err := confined(h.Name)
	if err != nil {
		return err
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
		return t.dir(name, n)
	case tar.TypeReg, tar.TypeGNUSparse:
		return t.file(name, n, content)
	case tar.TypeSymlink:
		return t.symlink(name, h.Linkname, n)
	case tar.TypeFifo:
		return t.fifo(name, n)
	case tar.TypeLink:
		old, err := confined(h.Linkname)
		if err != nil {
			return err
		}
		return t.link(name, old)
	}
	return fmt.Errorf("entry of unknown type %q: %w", h.Typeflag, ErrHostile)
}

func nodeOf(h *tar.Header) node {
	n := node{mode: uint32(h.Mode & 0o7777), uid: h.Uid, gid: h.Gid, mtime: h.ModTime, xattrs: map[string]string{}}
	for key, value := range h.PAXRecords {
		if name, ok := strings.CutPrefix(key, xattrRecord); ok {
			n.xattrs[name] = value
		}
	}
	return n
}

// confined cleans a path of an archive: "./etc/x", "/etc/x" and "etc/x" are
// one. One that climbs is refused rather than bent.
func confined(name string) (string, error) {
	if strings.Contains(name, "\x00") {
		return "", fmt.Errorf("NUL in a path: %w", ErrHostile)
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", fmt.Errorf("path climbs out: %w", ErrHostile)
		}
	}
	return path.Clean("./" + strings.TrimLeft(name, "/")), nil
}

// bounded ends with an error after left bytes and when ctx is done.
type bounded struct {
	ctx  context.Context
	from io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, fmt.Errorf("more than %d bytes: %w", int64(mostBytes), ErrHostile)
	}
	return n, err
}
