package rootfs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// staging is the folder, in a container's own, where the sources of its
// read-only mounts are shown once more, read-only, and those of its volumes
// with the container's ids.
const staging = "mounts"

// Staged is where the source for a target is shown once more, in the
// container's folder home. liblxc binds it from there: what a mount namespace
// takes over from one of a more privileged user namespace keeps its flags, and
// so do binds of it (MNT_LOCK_READONLY, see mount_namespaces(7)). A read-only
// bind that liblxc makes itself, inside the user namespace, is one that root
// in there may remount. Without a user namespace nothing is kept.
func Staged(home, target string) string {
	return filepath.Join(home, staging, fmt.Sprintf("%x", sha256.Sum256([]byte(target)))[:16])
}

// stage makes what is staged be exactly what root has of it.
func (r *Roots) stage(root resource.Root) error {
	home := r.home(root.Container)
	var want []string
	for _, m := range root.Staged {
		want = append(want, Staged(home, m.Target))
	}
	if err := clearStaged(home, want); err != nil || len(want) == 0 {
		return err
	}
	if err := folder(filepath.Join(home, staging), 0o711); err != nil {
		return err
	}
	for i, m := range root.Staged {
		if err := r.stageOne(m, root.IDMap, want[i]); err != nil {
			err = fmt.Errorf("mount %s: %w", m.Target, err)
			return errors.Join(err, clearStaged(home, nil))
		}
	}
	return nil
}

// clearStaged takes all away but what is to be kept.
func clearStaged(home string, keep []string) error {
	list, err := os.ReadDir(filepath.Join(home, staging))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		path := filepath.Join(home, staging, e.Name())
		if slices.Contains(keep, path) {
			continue
		}
		if err := unstage(path); err != nil {
			return err
		}
	}
	if len(keep) > 0 {
		return nil
	}
	return os.Remove(filepath.Join(home, staging))
}

// unstage takes a mount and its mount point away. It never deletes but what is
// empty and not mounted: behind a mount is somebody's data.
func unstage(path string) error {
	for {
		_, mounted, err := mountID(unix.AT_FDCWD, path)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		if err != nil {
			return &os.PathError{Op: "statx", Path: path, Err: err}
		}
		if !mounted {
			return os.Remove(path)
		}
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return &os.PathError{Op: "umount", Path: path, Err: err}
		}
	}
}

// stageOne shows a mount's source at path. The mount is as it has to be before
// anybody can see it, and alone: what is mounted below the source is not
// shown, now or later.
func (r *Roots) stageOne(m resource.Mount, ids resource.IDMap, path string) error {
	at, err := os.Stat(m.Source)
	if err != nil {
		return err
	}
	if m.Volume == "" {
		ids = resource.IDMap{Privileged: true} // the owners of a source are the host's
	}
	if ok, err := isStaged(m, ids, at, path); ok || err != nil {
		return err
	}
	if err := unstage(path); err != nil {
		return err
	}
	if err := point(path, at.IsDir()); err != nil {
		return err
	}
	fd, err := r.copied(m, ids)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.MoveMount(fd, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH)
	if err == nil {
		err = settleFlags(m, path)
	}
	return os.NewSyscallError("move_mount", err)
}

// settleFlags gives a mount what mount_setattr(2) could not before Linux 5.12. The
// container that it is for is not up, or gets to see it after this.
func settleFlags(m resource.Mount, path string) error {
	have, mounted, err := mountAt(path)
	if err != nil || !mounted || have.readOnly() == m.ReadOnly {
		return err
	}
	if err := unix.Mount("", path, "", unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	return unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

// copied is a mount of the source that is attached nowhere. An id on disk is
// one of the container: no file is given another owner.
func (r *Roots) copied(m resource.Mount, ids resource.IDMap) (int, error) {
	set := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	if m.ReadOnly {
		set.Attr_set = unix.MOUNT_ATTR_RDONLY
	}
	if !ids.Privileged {
		space, err := r.spaces.of(ids)
		if err != nil {
			return -1, err
		}
		set.Attr_set |= unix.MOUNT_ATTR_IDMAP
		set.Userns_fd = uint64(space.Fd())
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, m.Source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return -1, &os.PathError{Op: "open_tree", Path: m.Source, Err: err}
	}
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &set)
	if err == unix.ENOSYS && ids.Privileged {
		return fd, nil // settleFlags does it
	}
	if err != nil {
		_ = unix.Close(fd)
		if !ids.Privileged && (err == unix.EINVAL || err == unix.ENOSYS) {
			return -1, fmt.Errorf("%s: a volume of an unprivileged container is never given to other owners: %w", m.Source, ErrNoIDMap)
		}
		return -1, &os.PathError{Op: "mount_setattr", Path: m.Source, Err: err}
	}
	return fd, nil
}

// isStaged says whether path is such a mount of the very file or folder. The
// kernel does not show the ids of a mount, but what they make of an owner.
func isStaged(m resource.Mount, ids resource.IDMap, source os.FileInfo, path string) (bool, error) {
	have, mounted, err := mountAt(path)
	if err != nil || !mounted || have.readOnly() != m.ReadOnly {
		return false, err
	}
	at, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return os.SameFile(source, at) && mapped(source, ids) == ownerOf(at), nil
}

func ownerOf(f os.FileInfo) uint32 { return f.Sys().(*syscall.Stat_t).Uid }

// overflow is the owner that the kernel shows for ids that nobody has.
const overflow = 65534

// mapped is the owner that a source has where ids are mapped.
func mapped(source os.FileInfo, ids resource.IDMap) uint32 {
	id := ownerOf(source)
	switch {
	case ids.Privileged:
		return id
	case id >= ids.Size:
		return overflow
	}
	return ids.Base + id
}

// point makes a mount point.
func point(path string, dir bool) error {
	if dir {
		return os.Mkdir(path, 0o711)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	return f.Close()
}

// unstaged leaves out what is staged, of any container here: it is no name of
// a source that people know.
func (r *Roots) unstaged(host []mountpoint) []mountpoint {
	folder, err := filepath.EvalSymlinks(filepath.Join(r.state, "containers"))
	if err != nil {
		return host
	}
	return slices.DeleteFunc(host, func(m mountpoint) bool {
		rest, ok := strings.CutPrefix(m.at, folder+"/")
		words := strings.Split(rest, "/")
		return ok && len(words) == 3 && words[1] == staging
	})
}
