package image

import (
	"errors"
	"fmt"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"strake/reconcile/scoped"
)

// make calls do with the folder of name, which it makes where it is missing,
// and name's last part. What is in the way goes: in an archive the later entry
// counts. do fails with EEXIST then, and is called again.
func (t *tree) make(name string, do func(dir int, base string) error) error {
	dir, err := t.folder(path.Dir(name))
	if err != nil {
		return err
	}
	base := path.Base(name)
	err = do(dir, base)
	if errors.Is(err, unix.EEXIST) {
		if err = removeAt(dir, base); err == nil {
			err = do(dir, base)
		}
	}
	return err
}

// remove deletes whatever name is, if anything, and follows no link.
func (t *tree) remove(name string) error {
	dir, err := t.openFolder(path.Dir(name))
	if err != nil {
		return unless(unix.ENOENT, err)
	}
	defer unix.Close(dir)
	t.forget()
	return removeAt(dir, path.Base(name))
}

// removeAt deletes what base is in an open folder, with all that is in it.
func removeAt(dir int, base string) error {
	err := unix.Unlinkat(dir, base, 0)
	if err != unix.EISDIR {
		return unless(unix.ENOENT, err)
	}
	if err := emptyAt(dir, base); err != nil {
		return err
	}
	return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
}

// emptyAt deletes what is in a folder that is no link to one.
func emptyAt(dir int, base string) error {
	fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), base)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := removeAt(fd, name); err != nil {
			return err
		}
	}
	return nil
}

func unless(accepted unix.Errno, err error) error {
	if errors.Is(err, accepted) {
		return nil
	}
	return err
}

// folder opens a folder of the tree, and makes it with those above where it is
// missing. The descriptor is the tree's own, and good until the next call.
func (t *tree) folder(name string) (int, error) {
	if t.fd >= 0 && t.held == name {
		return t.fd, nil
	}
	fd, err := t.openFolder(name)
	if errors.Is(err, unix.ENOENT) && name != "." {
		fd, err = t.makeFolder(name)
	}
	if err != nil {
		return -1, err
	}
	t.forget()
	t.held, t.fd = name, fd
	return fd, nil
}

func (t *tree) makeFolder(name string) (int, error) {
	above, err := t.folder(path.Dir(name))
	if err != nil {
		return -1, err
	}
	if err := unix.Mkdirat(above, path.Base(name), 0o755); err != nil {
		return -1, err
	}
	return t.openFolder(name)
}

// openFolder opens a folder to work in. The kernel resolves its path: as root
// of the host nothing else can tell for sure where a path of links leads.
func (t *tree) openFolder(name string) (int, error) {
	return t.at(name, unix.O_PATH|unix.O_DIRECTORY)
}

// at opens a path of the tree as it says.
func (t *tree) at(name string, flags uint64) (int, error) {
	fd, err := scoped.Open(t.top, name, flags, t.resolve)
	switch {
	case errors.Is(err, unix.EXDEV):
		return -1, fmt.Errorf("%s leads out: %w", name, ErrHostile)
	case err != nil:
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// forget closes the folder that is open.
func (t *tree) forget() {
	if t.fd >= 0 {
		_ = unix.Close(t.fd)
	}
	t.fd = -1
}

func isFolder(dir int, base string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}
