package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// Mounted says what is mounted as the container's root, as this process sees
// it; false when nothing is. Error: ErrMounted where it is not ours.
func (r *Roots) Mounted(container string) (resource.Root, bool, error) {
	if err := checkName(container); err != nil {
		return resource.Root{}, false, err
	}
	at, mounted, err := mountAt(r.Path(container))
	if err != nil || !mounted {
		return resource.Root{}, false, err
	}
	root, ours := r.rootOf(at)
	if !ours {
		return resource.Root{}, false, fmt.Errorf("root of %s: %s: %w", container, at, ErrMounted)
	}
	return root, true, nil
}

// All lists every root of this state folder that is mounted, by container:
// one look at the mounts for any number of them.
func (r *Roots) All() (map[string]resource.Root, error) {
	folder, err := filepath.EvalSymlinks(filepath.Join(r.state, "containers"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := mounts(0)
	if err != nil {
		return nil, err
	}
	all := map[string]resource.Root{}
	for _, m := range list {
		if root, ours := r.rootOf(m); ours && m.at == filepath.Join(folder, root.Container, "rootfs") {
			all[root.Container] = root
		}
	}
	return all, nil
}

// MountedAt says what the process has as its "/": for a container's init,
// what it really runs on. False when that is no root of ours.
func (r *Roots) MountedAt(pid int) (resource.Root, bool, error) {
	list, err := mounts(pid)
	if err != nil {
		return resource.Root{}, false, err
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].at == "/" {
			root, ours := r.rootOf(list[i])
			return root, ours, nil
		}
	}
	return resource.Root{}, false, nil
}

// mountAt finds the mount whose root is at path; false when path is missing or
// is part of the mount around it.
func mountAt(path string) (mountpoint, bool, error) {
	id, mounted, err := mountID(unix.AT_FDCWD, path)
	if errors.Is(err, unix.ENOENT) || err == nil && !mounted {
		return mountpoint{}, false, nil
	}
	if err != nil {
		return mountpoint{}, false, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	list, err := mounts(0)
	if err != nil {
		return mountpoint{}, false, err
	}
	if m, ok := byID(list, id); ok {
		return m, true, nil
	}
	return mountpoint{}, false, fmt.Errorf("find mount %d at %s: not in mountinfo", id, path)
}

func byID(list []mountpoint, id int) (mountpoint, bool) {
	for _, m := range list {
		if m.id == id {
			return m, true
		}
	}
	return mountpoint{}, false
}

// mountID is the id that mountinfo shows for the mount at path, and whether
// path is its root. Linux 5.8.
func mountID(dir int, path string) (int, bool, error) {
	var st unix.Statx_t
	flags := unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if err := unix.Statx(dir, path, flags, unix.STATX_MNT_ID, &st); err != nil {
		return 0, false, err
	}
	return int(st.Mnt_id), st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}
