package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// manifest takes the digest of a tree: "sha256-" and the SHA-256 of one line
// for each path, in byte order within each folder, a folder before what is in
// it:
//
//	TYPE MODE UID GID "PATH" CONTENT ["XATTR"=HEX ...]
//
// TYPE is d, f, l (symbolic link), h (hard link) or p (pipe); MODE is octal
// with the set-id bits; ids are decimal, as in the container; PATH begins at
// the root, which is ".". CONTENT is the SHA-256 of a file in hex, the quoted
// target of a link (of a hard link the first path of that file), else "-".
// Times are no part of it. size is the sum of the files' bytes. What known has
// of contents is not read again.
func manifest(ctx context.Context, root string, known sums) (digest string, size int64, err error) {
	return (&lister{root: root, known: known, read: cached}).all(ctx)
}

func (m *lister) all(ctx context.Context) (digest string, size int64, err error) {
	m.sum, m.links = sha256.New(), map[uint64]string{}
	err = filepath.WalkDir(m.root, func(path string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		return m.line(ctx, path, e)
	})
	return "sha256-" + hex.EncodeToString(m.sum.Sum(nil)), m.size, err
}

// manifestLayer takes the digest of an upper layer of an overlay, where w is
// what hides a path of the layers below, and a folder may hide all that they
// have in it.
func manifestLayer(ctx context.Context, root string) (digest string, size int64, err error) {
	return (&lister{root: root, layer: true, read: cached}).all(ctx)
}

type lister struct {
	layer bool
	root  string
	known sums
	read  func(ctx context.Context, path string) (sum string, err error)
	sum   hash.Hash
	size  int64
	links map[uint64]string
}

func (m *lister) line(ctx context.Context, path string, e fs.DirEntry) error {
	name, err := filepath.Rel(m.root, path)
	if err != nil {
		return err
	}
	at, err := e.Info()
	if err != nil {
		return err
	}
	st := at.Sys().(*syscall.Stat_t)
	kind, content, err := m.content(ctx, path, name, st)
	if err != nil {
		return err
	}
	fmt.Fprintf(m.sum, "%s %04o %d %d %q %s", kind, st.Mode&0o7777, st.Uid, st.Gid, name, content)
	if kind == "d" || kind == "f" {
		xattrs := readXattrs(path, unix.Llistxattr, unix.Lgetxattr)
		for _, k := range slices.Sorted(maps.Keys(xattrs)) {
			fmt.Fprintf(m.sum, " %q=%x", k, xattrs[k])
		}
		if m.layer && hidesBelow(path) {
			fmt.Fprint(m.sum, " opaque")
		}
	}
	_, err = io.WriteString(m.sum, "\n")
	return err
}

func (m *lister) content(ctx context.Context, path, name string, st *syscall.Stat_t) (kind, content string, err error) {
	switch st.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		return "d", "-", nil
	case syscall.S_IFIFO:
		return "p", "-", nil
	case syscall.S_IFLNK:
		target, err := os.Readlink(path)
		return "l", fmt.Sprintf("%q", target), err
	case syscall.S_IFREG:
	case syscall.S_IFCHR:
		if m.layer && st.Rdev == 0 {
			return "w", "-", nil
		}
		fallthrough
	default:
		return "", "", fmt.Errorf("%s: %w", name, errKind)
	}
	if st.Nlink > 1 {
		if first, ok := m.links[st.Ino]; ok {
			return "h", fmt.Sprintf("%q", first), nil
		}
		m.links[st.Ino] = name
	}
	m.size += st.Size
	if sum, ok := m.known[st.Ino]; ok {
		return "f", hex.EncodeToString(sum[:]), nil
	}
	content, err = m.read(ctx, path)
	return "f", content, err
}

// hidesBelow says whether a folder hides what the layers below have in it.
func hidesBelow(path string) bool {
	var value [1]byte
	n, err := unix.Lgetxattr(path, "trusted.overlay.opaque", value[:])
	return err == nil && n == 1 && value[0] == 'y'
}

var errKind = errors.New("neither file, folder, link nor pipe")

func cached(_ context.Context, path string) (string, error) { return hashFile(path) }

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// readXattrs reads the attributes that images keep.
func readXattrs(path string, list func(string, []byte) (int, error), get func(string, string, []byte) (int, error)) map[string]string {
	var names [4096]byte
	n, err := list(path, names[:])
	if err != nil || n == 0 {
		return nil
	}
	found := map[string]string{}
	for name := range bytes.SplitSeq(names[:n], []byte{0}) {
		if !keptXattr(string(name)) {
			continue
		}
		value := make([]byte, 1<<16)
		if n, err := get(path, string(name), value); err == nil {
			found[string(name)] = string(value[:n])
		}
	}
	return found
}

func timeOf(st *syscall.Stat_t) time.Time { return time.Unix(st.Mtim.Sec, st.Mtim.Nsec) }
