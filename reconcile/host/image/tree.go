package image

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tree is a root filesystem being made. The kernel resolves every path inside
// of it: see beneath.go.
type tree struct {
	top     int    // descriptor of the tree
	resolve uint64 // of openat2(2): how links in paths are taken
	held    string // the folder that is open, as archives have files of one together
	fd      int    // its descriptor; -1: none
	sums    sums
	buffer  []byte
}

// sums are the digests of files' contents by inode, taken while they were
// written. Nobody else has a way to the tree until it has its name.
type sums map[uint64][sha256.Size]byte

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

// openTree opens a tree in which no path leads through a link that climbs.
func openTree(dir string) (*tree, error) {
	top, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	return &tree{top: top, resolve: unix.RESOLVE_BENEATH, fd: -1, sums: sums{}, buffer: make([]byte, 1<<18)}, nil
}

func (t *tree) close() {
	t.forget()
	_ = unix.Close(t.top)
}

func (n node) check() error {
	if n.uid < 0 || n.gid < 0 || n.uid > highest || n.gid > highest {
		return fmt.Errorf("owner %d:%d: %w: ids end at %d", n.uid, n.gid, ErrHostile, highest)
	}
	return nil
}

func (t *tree) dir(name string, n node) error {
	if name != "." {
		err := t.make(name, func(dir int, base string) error {
			if isFolder(dir, base) {
				return nil
			}
			return unix.Mkdirat(dir, base, 0o755)
		})
		if err != nil {
			return err
		}
	}
	fd, err := t.at(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	d := os.NewFile(uintptr(fd), name)
	return errors.Join(dress(d, n), d.Close())
}

func (t *tree) file(name string, n node, from io.Reader) error {
	return t.make(name, func(dir int, base string) error {
		fd, err := unix.Openat(dir, base, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), name)
		err = errors.Join(t.fill(f, n, from), f.Close())
		if err != nil || n.mtime.IsZero() {
			return err
		}
		at := unix.NsecToTimespec(n.mtime.UnixNano())
		return unix.UtimesNanoAt(dir, base, []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// fill writes a file and takes the digest of what it writes.
func (t *tree) fill(f *os.File, n node, from io.Reader) error {
	sum := sha256.New()
	if _, err := io.CopyBuffer(onlyWriter{io.MultiWriter(f, sum)}, onlyReader{from}, t.buffer); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	t.sums[st.Ino] = [sha256.Size]byte(sum.Sum(nil))
	return dress(f, n)
}

// onlyReader and onlyWriter keep io.CopyBuffer from other ways than its buffer.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

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
	return t.make(name, func(dir int, base string) error {
		if err := unix.Symlinkat(target, dir, base); err != nil {
			return err
		}
		return unix.Fchownat(dir, base, n.uid, n.gid, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func (t *tree) link(name, old string) error {
	from, err := t.openFolder(path.Dir(old))
	if err != nil {
		return err
	}
	defer unix.Close(from)
	if isFolder(from, path.Base(old)) {
		return fmt.Errorf("hard link to folder %s: %w", old, ErrHostile)
	}
	if name == old {
		return nil
	}
	return t.make(name, func(dir int, base string) error {
		return unix.Linkat(from, path.Base(old), dir, base, 0)
	})
}

func (t *tree) fifo(name string, n node) error {
	return t.make(name, func(dir int, base string) error {
		if err := unix.Mknodat(dir, base, unix.S_IFIFO|0o600, 0); err != nil {
			return err
		}
		if err := unix.Fchownat(dir, base, n.uid, n.gid, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		return unix.Fchmodat(dir, base, n.mode&0o777, 0) // no link: it was made just now
	})
}
