package rootfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// duplicator copies a tree that somebody may be writing to: below open
// folders, following no link. What is a hard link twice is one in the copy too.
type duplicator struct {
	ctx  context.Context
	top  *os.File            // of the copy
	seen map[identity]string // where in the copy a file with several names came first
	ids  translation
}

// folder copies all that is in from, and then what from itself is. at is the
// path of to in the copy.
func (d *duplicator) folder(from, to *os.File, at string) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	names, err := from.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := d.name(from, to, at, name)
		if err != nil && !errors.Is(err, unix.ENOENT) { // it went meanwhile
			return err
		}
	}
	return copyAttributes(to, from, d.ids)
}

func (d *duplicator) name(from, to *os.File, at, name string) error {
	var st unix.Stat_t
	if err := unix.Fstatat(int(from.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return d.inner(from, to, at, name)
	}
	if st.Nlink < 2 || isWhiteout(st) {
		return copyFile(from, to, name, d.ids)
	}
	return d.linked(from, to, at, name)
}

// linked copies a file with several names once.
func (d *duplicator) linked(from, to *os.File, at, name string) error {
	which, err := identify(from, name)
	if err != nil {
		return err
	}
	if first, ok := d.seen[which]; ok {
		err := unix.Linkat(int(d.top.Fd()), first, int(to.Fd()), name, 0)
		if err != unix.EMLINK {
			return os.NewSyscallError("link", err)
		}
	}
	if err := copyFile(from, to, name, d.ids); err != nil {
		return err
	}
	if where := path.Join(at, name); len(where) < unix.PathMax {
		d.seen[which] = where
	}
	return nil
}

// identity tells a file from one that has its inode after it: somebody may delete
// and make files meanwhile.
type identity struct {
	major, minor uint32
	inode        uint64
	born         unix.StatxTimestamp
}

func identify(dir *os.File, name string) (identity, error) {
	var st unix.Statx_t
	if err := unix.Statx(int(dir.Fd()), name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return identity{st.Dev_major, st.Dev_minor, st.Ino, st.Btime}, nil
}

func (d *duplicator) inner(from, to *os.File, at, name string) error {
	in, err := openFolder(int(from.Fd()), name)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer in.Close()
	if err := unix.Mkdirat(int(to.Fd()), name, 0o700); err != nil {
		return &os.PathError{Op: "mkdir", Path: name, Err: err}
	}
	out, err := openFolder(int(to.Fd()), name)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer out.Close()
	return d.folder(in, out, path.Join(at, name))
}

// copyFile copies what is no folder, with all that it has.
func copyFile(from, to *os.File, name string, ids translation) error {
	src, err := openNode(from, name)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer src.Close()
	var st unix.Stat_t
	if err := unix.Fstat(int(src.Fd()), &st); err != nil {
		return err
	}
	if err := makeNode(src, to, name, st); err != nil {
		return &os.PathError{Op: "copy", Path: name, Err: err}
	}
	dst, err := openNode(to, name)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer dst.Close()
	return copyAttributes(dst, src, ids)
}

// openNode opens a file of any kind, without opening what it stands for.
func openNode(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func makeNode(src, to *os.File, name string, st unix.Stat_t) error {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return copyContent(src, to, name, st.Size)
	case unix.S_IFLNK:
		var target [unix.PathMax]byte
		n, err := unix.Readlinkat(int(src.Fd()), "", target[:])
		if err != nil {
			return err
		}
		return unix.Symlinkat(string(target[:n]), int(to.Fd()), name)
	}
	return unix.Mknodat(int(to.Fd()), name, st.Mode, int(st.Rdev))
}

// copyContent shares the blocks where the file system can, and else copies
// what is data: holes stay holes.
func copyContent(src, to *os.File, name string, size int64) error {
	in, err := os.Open(procPath(src))
	if err != nil {
		return err
	}
	defer in.Close()
	fd, err := unix.Openat(int(to.Fd()), name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(fd), name)
	defer out.Close()
	if unix.IoctlFileClone(fd, int(in.Fd())) == nil {
		return nil
	}
	if err := out.Truncate(size); err != nil {
		return err
	}
	return copyData(in, out, size)
}

func copyData(in, out *os.File, size int64) error {
	for at := int64(0); at < size; {
		begin, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return nil
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(in.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		from, to := begin, begin
		for from < end {
			n, err := unix.CopyFileRange(int(in.Fd()), &from, int(out.Fd()), &to, int(min(end-from, 1<<30)), 0)
			if err == unix.EXDEV || err == unix.EOPNOTSUPP || err == unix.EINVAL { // from one kind of file system to another
				if err := copyBytes(in, out, from, end-from); err != nil {
					return err
				}
				break
			}
			if err != nil {
				return err
			}
			if n == 0 { // it has become shorter meanwhile
				return nil
			}
		}
		at = end
	}
	return nil
}

// copyBytes takes them through memory. Fewer may be there by now.
func copyBytes(in, out *os.File, at, size int64) error {
	if _, err := out.Seek(at, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(struct{ io.Writer }{out}, io.NewSectionReader(in, at, size)) // without copy_file_range(2)
	return err
}

// private are the kernel's own marks on a layer that speak of the layers that it
// lay on: of no use to a copy.
var private = []string{"trusted.overlay.origin", "trusted.overlay.impure"}

// copyAttributes gives to all that from is but its content: owner, mode, extended
// attributes with lists and capabilities, times last. Ids are translated.
func copyAttributes(to, from *os.File, ids translation) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(from.Fd()), &st); err != nil {
		return err
	}
	at := procPath(to)
	if err := unix.Fchownat(int(to.Fd()), "", int(ids.id(st.Uid)), int(ids.id(st.Gid)), unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return os.NewSyscallError("chown", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK { // they have no mode
		if err := unix.Chmod(at, st.Mode&0o7777); err != nil {
			return os.NewSyscallError("chmod", err)
		}
	}
	if err := copyXattrs(at, procPath(from), ids); err != nil {
		return err
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	err := unix.UtimesNanoAt(int(to.Fd()), "", times, unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW)
	return os.NewSyscallError("utimensat", err)
}

// procPath leads to the very file of a descriptor, also of an O_PATH one.
func procPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

func copyXattrs(to, from string, ids translation) error {
	names, err := listXattrs(from)
	if err != nil {
		return os.NewSyscallError("listxattr", err)
	}
	for _, name := range names {
		if slices.Contains(private, name) {
			continue
		}
		value, err := getXattr(from, name)
		if err == unix.ENODATA {
			continue
		}
		if err == nil {
			err = unix.Setxattr(to, name, ids.xattr(name, value), 0)
		}
		if err != nil {
			return &os.PathError{Op: "setxattr", Path: name, Err: err}
		}
	}
	return nil
}

func listXattrs(path string) ([]string, error) {
	text, err := grow(func(buffer []byte) (int, error) { return unix.Listxattr(path, buffer) })
	if err != nil || len(text) == 0 {
		return nil, err
	}
	return strings.Split(string(bytes.TrimSuffix(text, []byte{0})), "\x00"), nil
}

func getXattr(path, name string) ([]byte, error) {
	return grow(func(buffer []byte) (int, error) { return unix.Getxattr(path, name, buffer) })
}

// grow asks until what comes fits.
func grow(ask func([]byte) (int, error)) ([]byte, error) {
	for size := 256; ; size *= 4 {
		buffer := make([]byte, size)
		n, err := ask(buffer)
		if err == unix.ERANGE && size <= 1<<16 { // the kernel's own bound, XATTR_SIZE_MAX
			continue
		}
		return buffer[:max(n, 0)], err
	}
}

// Duplicate copies a layer, which the container may be writing to, to another
// that is not there yet. What is written meanwhile may be in the copy, or not.
func (r *Roots) Duplicate(ctx context.Context, container string, from, to int) error {
	if err := r.duplicate(ctx, container, from, to); err != nil {
		return fmt.Errorf("copy layer %d of %s: %w", from, container, err)
	}
	return nil
}

func (r *Roots) duplicate(ctx context.Context, container string, from, to int) error {
	lock, err := r.lock(container)
	if err != nil {
		return err
	}
	defer lock.Close()
	name := fmt.Sprint(to)
	if exists(r.layer(container, to)) {
		return nil // it was done before
	}
	fresh, err := aside(filepath.Dir(r.layer(container, from)), name)
	if err != nil {
		return err
	}
	if err := copyTree(ctx, filepath.Join(r.layer(container, from), "upper"), filepath.Join(fresh, "upper"), translation{}); err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return settle(fresh, name)
}

// copyTree copies a folder to one that is not there yet.
func copyTree(ctx context.Context, from, to string, ids translation) error {
	in, err := openFolder(unix.AT_FDCWD, from)
	if err != nil {
		return &os.PathError{Op: "open", Path: from, Err: err}
	}
	defer in.Close()
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	out, err := openFolder(unix.AT_FDCWD, to)
	if err != nil {
		return &os.PathError{Op: "open", Path: to, Err: err}
	}
	defer out.Close()
	d := duplicator{ctx, out, map[identity]string{}, ids}
	return d.folder(in, out, "")
}
