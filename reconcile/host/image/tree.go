package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a root filesystem being made. Every path is resolved inside of it:
// os.Root fails rather than follow a link out.
type tree struct {
	root *os.Root
}

// node is what a file has besides its content.
type node struct {
	mode     uint32 // permissions with set-uid, set-gid and sticky
	uid, gid int
	mtime    time.Time
	xattrs   map[string]string
}

// highest is the largest id that an image may hold. Package rootfs lends ids
// above to the host's own root, which no file of an image may belong to.
const highest = 1<<31 - 1

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &tree{root}, nil
}

func (t *tree) close() { _ = t.root.Close() }

func (n node) check() error {
	if n.uid < 0 || n.gid < 0 || n.uid > highest || n.gid > highest {
		return fmt.Errorf("owner %d:%d: %w: ids end at %d", n.uid, n.gid, ErrHostile, highest)
	}
	return nil
}

// clear makes room for name: the folders above it, and nothing there but
// possibly a folder.
func (t *tree) clear(name string) error {
	if err := t.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	at, err := t.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && at.IsDir() {
		return nil
	}
	if err != nil {
		return err
	}
	return t.root.Remove(name)
}

func (t *tree) dir(name string, n node) error {
	if err := t.clear(name); err != nil {
		return err
	}
	if err := t.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := t.root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	return dress(d, n)
}

func (t *tree) file(name string, n node, from io.Reader) error {
	if err := t.clear(name); err != nil {
		return err
	}
	f, err := t.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err == nil {
		err = dress(f, n)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil && !n.mtime.IsZero() {
		err = t.root.Chtimes(name, n.mtime, n.mtime)
	}
	return err
}

// dress gives an open file its owner, then what a change of owner would take
// away again: set-uid bits and capabilities.
func dress(f *os.File, n node) error {
	fd := int(f.Fd())
	if err := unix.Fchown(fd, n.uid, n.gid); err != nil {
		return &os.PathError{Op: "chown", Path: f.Name(), Err: err}
	}
	if err := unix.Fchmod(fd, n.mode&0o7777); err != nil {
		return &os.PathError{Op: "chmod", Path: f.Name(), Err: err}
	}
	for name, value := range n.xattrs {
		if !keptXattr(name) {
			continue
		}
		if err := unix.Fsetxattr(fd, name, []byte(value), 0); err != nil {
			return &os.PathError{Op: "setxattr " + name, Path: f.Name(), Err: err}
		}
	}
	return nil
}

// keptXattr: above all not trusted.overlay.*, by which an overlay is told
// where its files are, nor the labels of another machine.
func keptXattr(name string) bool {
	switch name {
	case "security.capability", "system.posix_acl_access", "system.posix_acl_default":
		return true
	}
	return strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "user.overlay.")
}

func (t *tree) symlink(name, target string, n node) error {
	if err := t.clear(name); err != nil {
		return err
	}
	if err := t.root.Symlink(target, name); err != nil {
		return err
	}
	return t.root.Lchown(name, n.uid, n.gid)
}

func (t *tree) link(name, old string) error {
	at, err := t.root.Lstat(old)
	if err != nil {
		return err
	}
	if at.IsDir() {
		return fmt.Errorf("hard link to folder %s: %w", old, ErrHostile)
	}
	if name == old {
		return nil
	}
	if err := t.clear(name); err != nil {
		return err
	}
	return t.root.Link(old, name)
}

func (t *tree) fifo(name string, n node) error {
	if err := t.clear(name); err != nil {
		return err
	}
	parent, err := t.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := unix.Mknodat(int(parent.Fd()), path.Base(name), unix.S_IFIFO|0o600, 0); err != nil {
		return &os.PathError{Op: "mkfifo", Path: name, Err: err}
	}
	if err := t.root.Lchown(name, n.uid, n.gid); err != nil {
		return err
	}
	return t.root.Chmod(name, fs.FileMode(n.mode&0o777))
}
