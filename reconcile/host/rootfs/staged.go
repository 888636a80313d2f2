package rootfs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// staging is the folder, in a container's own, where the sources of its
// read-only mounts are shown once more, read-only.
const staging = "mounts"

// Staged is where the source for a target is shown read-only, in the
// container's folder home. liblxc binds it from there: what a mount namespace
// takes over from one of a more privileged user namespace keeps its flags, and
// so do binds of it (MNT_LOCK_READONLY, see mount_namespaces(7)). A read-only
// bind that liblxc makes itself, inside the user namespace, is one that root
// in there may remount. Without a user namespace nothing is kept.
func Staged(home, target string) string {
	return filepath.Join(home, staging, fmt.Sprintf("%x", sha256.Sum256([]byte(target)))[:16])
}

// stage makes what is staged be exactly the read-only mounts of root.
func (r *Roots) stage(root resource.Root) error {
	home := r.home(root.Container)
	var want []string
	for _, m := range root.ReadOnly {
		want = append(want, Staged(home, m.Target))
	}
	if err := clearStaged(home, want); err != nil || len(want) == 0 {
		return err
	}
	if err := folder(filepath.Join(home, staging), 0o711); err != nil {
		return err
	}
	for i, m := range root.ReadOnly {
		if err := stageOne(m.Source, want[i]); err != nil {
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

// stageOne shows source at path. The mount is read-only before anybody can
// see it, and alone: what is mounted below the source is not shown, now or
// later.
func stageOne(source, path string) error {
	at, err := os.Stat(source)
	if err != nil {
		return err
	}
	if ok, err := isStaged(at, path); ok || err != nil {
		return err
	}
	if err := unstage(path); err != nil {
		return err
	}
	if err := point(path, at.IsDir()); err != nil {
		return err
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, source, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return &os.PathError{Op: "open_tree", Path: source, Err: err}
	}
	defer unix.Close(fd)
	set := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY, Propagation: unix.MS_PRIVATE}
	if err := unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &set); err != nil {
		return &os.PathError{Op: "mount_setattr", Path: source, Err: err}
	}
	err = unix.MoveMount(fd, "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH)
	return os.NewSyscallError("move_mount", err)
}

// isStaged says whether path is a read-only mount of the very file or folder.
func isStaged(source os.FileInfo, path string) (bool, error) {
	m, mounted, err := mountAt(path)
	if err != nil || !mounted || !m.readOnly() {
		return false, err
	}
	at, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	return os.SameFile(source, at), nil
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
