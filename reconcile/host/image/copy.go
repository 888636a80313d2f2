package image

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// copyDir copies the tree at from as it is: owners, modes, hard links,
// extended attributes. Devices and sockets are left out, and what is mounted
// below it too.
func (s *Store) copyDir(ctx context.Context, from, to string) (sums, error) {
	if err := s.apart(from); err != nil {
		return nil, err
	}
	source, err := os.OpenRoot(from)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	t, err := openTree(to)
	if err != nil {
		return nil, err
	}
	defer t.close()
	at, err := source.Lstat(".")
	if err != nil {
		return nil, err
	}
	c := copier{ctx: ctx, from: source, to: t, device: at.Sys().(*syscall.Stat_t).Dev, links: map[uint64]string{}}
	return t.sums, c.dir(".", at)
}

// apart: a copy of the store into itself would not end.
func (s *Store) apart(from string) error {
	a, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	b, err := filepath.EvalSymlinks(s.dir)
	if err != nil {
		return err
	}
	in := func(x, y string) bool { return strings.HasPrefix(x+"/", strings.TrimSuffix(y, "/")+"/") }
	if in(a, b) || in(b, a) {
		return fmt.Errorf("%s and the image store are inside one another: %w", from, ErrSource)
	}
	return nil
}

type copier struct {
	ctx    context.Context
	from   *os.Root
	to     *tree
	device uint64
	links  map[uint64]string // inode to the path that it was first seen at
}

func (c *copier) dir(name string, at fs.FileInfo) error {
	st := at.Sys().(*syscall.Stat_t)
	d, err := c.from.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer d.Close()
	n := nodeAt(st, d)
	if err := c.make(name, n.check, func() error { return c.to.dir(name, n) }); err != nil {
		return err
	}
	if st.Dev != c.device {
		return nil
	}
	entries, err := d.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := c.entry(path.Join(name, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (c *copier) entry(name string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	at, err := c.from.Lstat(name)
	if err != nil {
		return err
	}
	if at.IsDir() {
		return c.dir(name, at)
	}
	st := at.Sys().(*syscall.Stat_t)
	if st.Nlink > 1 {
		if first, ok := c.links[st.Ino]; ok {
			return c.to.link(name, first)
		}
		c.links[st.Ino] = name
	}
	n := nodeAt(st, nil)
	return c.make(name, n.check, func() error { return c.leaf(name, at, n) })
}

func (c *copier) make(name string, check, do func() error) error {
	err := check()
	if err == nil {
		err = do()
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}

func (c *copier) leaf(name string, at fs.FileInfo, n node) error {
	switch at.Mode().Type() {
	case 0:
		f, err := c.from.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		n.xattrs = xattrsOf(f)
		return c.to.file(name, n, f)
	case fs.ModeSymlink:
		target, err := c.from.Readlink(name)
		if err != nil {
			return err
		}
		return c.to.symlink(name, target, n)
	case fs.ModeNamedPipe:
		return c.to.fifo(name, n)
	}
	return nil
}

func nodeAt(st *syscall.Stat_t, f *os.File) node {
	n := node{mode: st.Mode & 0o7777, uid: int(st.Uid), gid: int(st.Gid)}
	if f != nil {
		n.xattrs = xattrsOf(f)
	} else {
		n.mtime = timeOf(st)
	}
	return n
}

// xattrsOf reads what dress keeps. A filesystem without any has none.
func xattrsOf(f *os.File) map[string]string {
	path := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	return readXattrs(path, unix.Listxattr, unix.Getxattr)
}
