package rootfs

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// strata are the folders that together are one folder of a container, the top
// one first, as overlayfs lays them over one another
// (Documentation/filesystems/overlayfs.rst). Only the top one may be changed by
// somebody meanwhile: everything is looked at below an open folder, and no link
// is followed.
type strata []stratum

type stratum struct {
	*os.File
	layer int         // its place in the stack that the walk began with
	ids   translation // of the owners that are in it
}

// entry is what a name leads to.
type entry struct {
	st       unix.Stat_t
	from     int    // index of the stratum that it is in; -1: it is not there
	whiteout bool   // it is not there because the top one says so
	dirs     strata // of a folder, to be closed
	closed   bool   // of a folder: what lies below these strata does not show
}

func (e entry) there() bool { return e.from >= 0 }
func (e entry) isDir() bool { return len(e.dirs) > 0 }

// openStrata opens the roots of layers, the top one first.
func openStrata(paths []string) (strata, error) {
	var s strata
	for i, path := range paths {
		f, err := openFolder(unix.AT_FDCWD, path)
		if err != nil {
			s.close()
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
		s = append(s, stratum{File: f, layer: i})
	}
	return s, nil
}

func openFolder(dir int, name string) (*os.File, error) {
	for {
		fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

func (s strata) close() {
	for _, f := range s {
		_ = f.Close()
	}
}

func (s stratum) fd() int { return int(s.Fd()) }

// names are those of all strata that the condition holds of, sorted.
func (s strata) names(which func(stratum) bool) ([]string, error) {
	var list []string
	for _, f := range s {
		if !which(f) {
			continue
		}
		if _, err := f.Seek(0, 0); err != nil {
			return nil, err
		}
		names, err := f.Readdirnames(-1)
		if err != nil {
			return nil, err
		}
		list = append(list, names...)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// at looks a name up.
func (s strata) at(name string) (entry, error) {
	e := entry{from: -1}
	for i, f := range s {
		var st unix.Stat_t
		err := unix.Fstatat(f.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == unix.ENOENT {
			continue
		}
		if err != nil {
			e.dirs.close()
			return entry{from: -1}, &os.PathError{Op: "stat", Path: name, Err: err}
		}
		st.Uid, st.Gid = f.ids.id(st.Uid), f.ids.id(st.Gid)
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			e.end(st, i)
			return e, nil
		}
		dir, err := openFolder(f.fd(), name)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			continue // somebody changed it just now
		}
		if err != nil {
			e.dirs.close()
			return entry{from: -1}, &os.PathError{Op: "open", Path: name, Err: err}
		}
		if !e.there() {
			e.st, e.from = st, i
		}
		e.dirs = append(e.dirs, stratum{dir, f.layer, f.ids})
		if isOpaque(dir) {
			e.closed = true
			return e, nil
		}
	}
	return e, nil
}

// end is what is no folder: it ends the search, and hides what is below it.
func (e *entry) end(st unix.Stat_t, from int) {
	switch {
	case e.there():
		e.closed = true
	case isWhiteout(st):
		e.whiteout = true
	default:
		e.st, e.from = st, from
	}
}

func isWhiteout(st unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == 0
}

// opaque marks a folder that shows nothing of those below it.
const opaque = "trusted.overlay.opaque"

func isOpaque(dir *os.File) bool {
	var value [8]byte
	n, err := unix.Fgetxattr(int(dir.Fd()), opaque, value[:])
	return err == nil && string(value[:n]) == "y"
}

func exists(path string) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil
}
