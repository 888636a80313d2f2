package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strake/reconcile/scoped"

	"golang.org/x/sys/unix"
)

// inside is a container's tree as the host sees it. Whoever is root in the
// container can change any of it at any instant, so every path is resolved by
// the kernel with the tree as its root, and every file is looked at through a
// descriptor that can't be exchanged.
type inside struct {
	fd    int
	owner int      // id of the container's root on the host
	fds   *os.File // this process's /proc/self/fd, where "/proc" is somebody else's; nil elsewhere
}

// enter opens the mounted root. Error: ErrNotMounted.
func (r *Roots) enter(container string, owner int) (*inside, error) {
	if err := checkName(container); err != nil {
		return nil, err
	}
	fd, err := unix.Open(r.Path(container), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, ErrNotMounted
	}
	if err != nil {
		return nil, err
	}
	_, mounted, err := mountID(fd, "")
	if err == nil && !mounted {
		err = ErrNotMounted
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &inside{fd: fd, owner: owner}, nil
}

func (in *inside) close() {
	_ = unix.Close(in.fd)
	if in.fds != nil {
		_ = in.fds.Close()
	}
}

// reopen opens the very file of an O_PATH descriptor for reading.
func (in *inside) reopen(fd int) (*os.File, error) {
	if in.fds == nil {
		return os.Open(fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	open, err := unix.Openat(int(in.fds.Fd()), fmt.Sprint(fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return os.NewFile(uintptr(open), fmt.Sprint(fd)), err
}

// resolve opens name within the tree at root.
func resolve(root int, name string, flags uint64) (int, error) {
	fd, err := scoped.Open(root, name, flags, scoped.InRoot)
	if err != nil {
		return -1, &os.PathError{Op: "openat2", Path: name, Err: err}
	}
	return fd, nil
}

// exists says whether name leads to a file in the tree.
func (in *inside) exists(name string) bool {
	fd, err := resolve(in.fd, name, unix.O_PATH)
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	return true
}

// content is a file as it is read, and whether others can read it too.
type content struct {
	text  []byte
	there bool
	open  bool // mode 0644
	mode  uint32
	owner int
	group int
	link  string // what a symbolic link leads to
	odd   string // what it is, where it is neither file nor link, or large
	large bool   // it was not read
}

const most = 1 << 20 // bytes of a file that strake writes in a container

// read reads a regular file. It is opened only once it is known to be one: a
// pipe would block, a device would do who knows what.
func (in *inside) read(name string) (content, error) {
	fd, err := resolve(in.fd, name, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return content{}, nil
	}
	if err != nil {
		return content{}, err
	}
	defer unix.Close(fd)
	return in.readAt(fd)
}

// readAt reads what an O_PATH descriptor is of.
func (in *inside) readAt(fd int) (content, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return content{}, err
	}
	if isHollow(&st) {
		return content{}, nil
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > most {
		return content{there: true}, nil
	}
	file, err := in.reopen(fd)
	if err != nil {
		return content{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most))
	mode := st.Mode & 0o7777
	return content{text: text, there: true, open: mode == 0o644, mode: mode, owner: int(st.Uid), group: int(st.Gid)}, err
}

// write replaces a file in one step, and does nothing where it is as wanted.
func (in *inside) write(name string, text []byte) error {
	have, err := in.read(name)
	if err == nil && have.open && have.owner == in.owner && bytes.Equal(have.text, text) {
		return nil
	}
	return in.put(name, content{text: text, mode: 0o644, owner: in.owner, group: in.owner})
}

// put replaces whatever is there but a folder by a file, or a link, in one
// step.
func (in *inside) put(name string, want content) error {
	dir, err := in.folder(path.Dir(name))
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	base := path.Base(name)
	fresh := "." + base + ".strake"
	if len(fresh) > unix.NAME_MAX {
		fresh = ".strake"
	}
	if err := create(dir, fresh, want); err != nil {
		return &os.PathError{Op: "write", Path: name, Err: err}
	}
	if err := unix.Renameat(dir, fresh, dir, base); err != nil {
		_ = unix.Unlinkat(dir, fresh, 0)
		return &os.PathError{Op: "replace", Path: name, Err: err}
	}
	return nil
}

// create makes a file or a link that is not there, whatever a killed one left
// of it.
func create(dir int, name string, want content) error {
	make := func() error { return createFile(dir, name, want) }
	if want.link != "" {
		make = func() error { return createLink(dir, name, want) }
	}
	err := make()
	if err == unix.EEXIST {
		if err := unix.Unlinkat(dir, name, 0); err != nil {
			return err
		}
		err = make()
	}
	return err
}

func createLink(dir int, name string, want content) error {
	if err := unix.Symlinkat(want.link, dir, name); err != nil {
		return err
	}
	return unix.Fchownat(dir, name, want.owner, want.group, unix.AT_SYMLINK_NOFOLLOW)
}

func createFile(dir int, name string, want content) error {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_WRONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(dir, name, flags, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	_, err = file.Write(want.text)
	if err == nil {
		err = file.Chown(want.owner, want.group)
	}
	if err == nil { // after the owner, which takes set-id bits away
		err = unix.Fchmod(fd, want.mode)
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err != nil {
		_ = unix.Unlinkat(dir, name, 0)
	}
	return err
}

// remove deletes a file, and the folders around it that were made for it and
// are empty then; one that is not there is no error.
func (in *inside) remove(name string) error {
	dir, err := resolve(in.fd, path.Dir(name), unix.O_RDONLY|unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := unix.Unlinkat(dir, path.Base(name), 0); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "remove", Path: name, Err: err}
	}
	if _, err := unix.Fgetxattr(dir, madeMark, nil); err == nil {
		in.removeFolder(path.Dir(name))
	}
	return nil
}

// removeFolder removes one that strake made, and those around it likewise.
func (in *inside) removeFolder(name string) {
	parent, err := resolve(in.fd, path.Dir(name), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return // it is gone, or somebody's now: both are fine
	}
	defer unix.Close(parent)
	if unix.Unlinkat(parent, path.Base(name), unix.AT_REMOVEDIR) != nil {
		return
	}
	if _, err := unix.Fgetxattr(parent, madeMark, nil); err == nil {
		in.removeFolder(path.Dir(name))
	}
}

// madeMark is on folders that strake made around its files. No one inside can
// see or set an attribute of this kind (xattr(7), trusted).
const madeMark = "trusted.strake.made"

// folder opens a folder and makes what is missing of it.
func (in *inside) folder(name string) (int, error) {
	fd, err := resolve(in.fd, name, unix.O_PATH|unix.O_DIRECTORY)
	if !errors.Is(err, unix.ENOENT) || name == "." {
		return fd, err
	}
	parent, err := in.folder(path.Dir(name))
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	base := path.Base(name)
	if err := unix.Mkdirat(parent, base, 0o755); err != nil {
		return -1, &os.PathError{Op: "mkdir", Path: name, Err: err}
	}
	fd, err = resolve(parent, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return -1, err
	}
	_ = unix.Fsetxattr(fd, madeMark, nil, 0) // without it the folder stays for ever
	if err := errors.Join(unix.Fchown(fd, in.owner, in.owner), unix.Fchmod(fd, 0o755)); err != nil {
		_ = unix.Close(fd)
		return -1, &os.PathError{Op: "chown", Path: name, Err: err}
	}
	return fd, nil
}
