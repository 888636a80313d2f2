package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/chain"
	"strake/reconcile/resource"
)

// fixed are the options that do not depend on the host's module parameters.
// Lowers change under a kept upper from one generation to the next: that
// works only without index, metacopy and redirects.
const fixed = "index=off,metacopy=off,redirect_dir=off,xino=off,nfs_export=off"

// Mount mounts root at Path, and the sources of its read-only mounts where
// Staged says. It does nothing where exactly that is mounted already, unless
// Spoil said that it is not to be started on, and
// fails with ErrMounted where anything else is at Path. What it needs on disk
// is made by Prepare.
func (r *Roots) Mount(ctx context.Context, root resource.Root) error {
	if err := r.mount(ctx, root); err != nil {
		return fmt.Errorf("mount root of %s: %w", root.Container, err)
	}
	return nil
}

func (r *Roots) mount(ctx context.Context, root resource.Root) error {
	if err := check(root); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	lock, err := r.lock(root.Container)
	if err != nil {
		return err
	}
	defer lock.Close()
	at, mounted, err := mountAt(r.Path(root.Container))
	if err != nil {
		return err
	}
	if mounted {
		if have, ok := r.rootOf(at); ok && same(have, root) && !r.Spoiled(root.Container) {
			return r.stage(root)
		}
		return fmt.Errorf("%s: %w", at.String(), ErrMounted)
	}
	if err := r.sound(root.Container); err != nil {
		return err
	}
	if err := r.stage(root); err != nil {
		return err
	}
	if err := r.build(ctx, root); err != nil {
		return errors.Join(err, clearStaged(r.home(root.Container), nil))
	}
	return nil
}

func (r *Roots) build(ctx context.Context, root resource.Root) error {
	if err := r.copyShared(ctx, root); err != nil {
		return err
	}
	if err := r.fit(root); err != nil {
		return err
	}
	if err := r.newWork(root); err != nil && !errors.Is(err, os.ErrNotExist) { // assemble says what is missing
		return err
	}
	return r.assemble(root)
}

func same(a, b resource.Root) bool {
	a.Staged, b.Staged, a.Bounded, b.Bounded = nil, nil, false, false
	return reflect.DeepEqual(a, b)
}

func (r *Roots) assemble(root resource.Root) error {
	pieces, err := r.resolve(root)
	if err != nil {
		return err
	}
	options := overlayOptions(root, pieces)
	// mount(2) takes one page of options, the NUL at its end included, whatever
	// the size of a page here.
	if len(options) >= 4096 {
		return fmt.Errorf("%d: %w", len(pieces), ErrTooMany)
	}
	layers, err := r.openLayers(root, pieces)
	defer closeLayers(layers)
	if err != nil {
		return err
	}
	fd, err := r.bench.overlay(job{source: sourceOf(root), options: options, layers: layers})
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = unix.MoveMount(fd, "", unix.AT_FDCWD, r.Path(root.Container), unix.MOVE_MOUNT_F_EMPTY_PATH)
	return os.NewSyscallError("move_mount", err)
}

// overlayOptions names the layers so that mountinfo tells them: the top
// writable layer is the folder of upper and work, an older piece is its upper.
func overlayOptions(root resource.Root, pieces []chain.Piece) string {
	var b strings.Builder
	b.WriteString("lowerdir=")
	for _, p := range pieces[1:] {
		b.WriteString("w-" + p.Name() + ":")
	}
	for _, key := range root.Layers {
		b.WriteString("l-" + key + ":")
	}
	top := pieces[0].Name()
	fmt.Fprintf(&b, "i-%s,upperdir=w-%s/upper,workdir=w-%s/work,%s", root.Digest, top, top, fixed)
	return b.String()
}

// sourceOf is what mountinfo shows as the source: whose ids and whose root.
func sourceOf(root resource.Root) string {
	if root.IDMap.Privileged {
		return "strake:privileged:" + root.Container
	}
	return fmt.Sprintf("strake:%d+%d:%s", root.IDMap.Base, root.IDMap.Size, root.Container)
}

type layer struct {
	name, path string
	attr       uint64
}

func (r *Roots) openLayers(root resource.Root, pieces []chain.Piece) ([]attached, error) {
	top := root.Writable[0]
	want := append(r.shared(root), layer{fmt.Sprintf("w-%d", top), r.layer(root.Container, top), 0})
	for _, p := range pieces[1:] {
		want = append(want, layer{"w-" + p.Name(), r.upper(root.Container, p), unix.MOUNT_ATTR_RDONLY})
	}
	return r.clone(root, want)
}

// shared are the layers below all writable ones, the image last, as they are
// mounted.
func (r *Roots) shared(root resource.Root) []layer {
	paths := r.sharedPaths(root)
	var list []layer
	for i, key := range root.Layers {
		list = append(list, layer{"l-" + key, paths[i], unix.MOUNT_ATTR_RDONLY})
	}
	list = append(list, layer{"i-" + root.Digest, paths[len(paths)-1], unix.MOUNT_ATTR_RDONLY})
	if r.shifts(root.IDMap) {
		for i := range list {
			list[i].path = filepath.Join(r.copies(root.Container, root.IDMap), list[i].name)
		}
	}
	return list
}

// sharedPaths are where they lie for all that use them.
func (r *Roots) sharedPaths(root resource.Root) []string {
	var paths []string
	for _, key := range root.Layers {
		paths = append(paths, r.layers(key))
	}
	return append(paths, r.images(root.Digest))
}

// clone makes detached mounts of layers, with ids mapped as root has them.
func (r *Roots) clone(root resource.Root, want []layer) ([]attached, error) {
	ids := -1
	if !root.IDMap.Privileged && !r.shifts(root.IDMap) {
		file, err := r.spaces.of(root.IDMap)
		if err != nil {
			return nil, err
		}
		ids = int(file.Fd())
	}
	var layers []attached
	for _, w := range want {
		fd, err := detached(w.path, w.attr, ids)
		if err != nil {
			return layers, err
		}
		layers = append(layers, attached{w.name, fd})
	}
	return layers, nil
}

func closeLayers(layers []attached) {
	for _, l := range layers {
		_ = unix.Close(l.fd)
	}
}

// detached clones the mount of path, with ids mapped through the user
// namespace ids, or as they are when that is -1.
func detached(path string, attr uint64, ids int) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return -1, fmt.Errorf("%s: %w", path, ErrNoLayer)
	}
	if err != nil {
		return -1, &os.PathError{Op: "open_tree", Path: path, Err: err}
	}
	set := unix.MountAttr{Attr_set: attr, Propagation: unix.MS_PRIVATE}
	if ids >= 0 {
		set.Attr_set |= unix.MOUNT_ATTR_IDMAP
		set.Userns_fd = uint64(ids)
	}
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH, &set)
	if err == unix.ENOSYS && ids < 0 { // before Linux 5.12; an overlay does not write to its lower layers
		return fd, nil
	}
	if err != nil {
		_ = unix.Close(fd)
		if ids >= 0 && (err == unix.EINVAL || err == unix.ENOSYS) {
			return -1, fmt.Errorf("%s: %w", path, ErrNoIDMap)
		}
		return -1, &os.PathError{Op: "mount_setattr", Path: path, Err: err}
	}
	return fd, nil
}

// Unmount takes the container's root and what is staged for it away, also while something still looks
// into it: that one keeps its view until it lets go. Error: ErrNotMounted;
// ErrMounted where it is not a root of ours.
func (r *Roots) Unmount(ctx context.Context, container string) error {
	return r.take(ctx, container, detach)
}

// UnmountIn is Unmount for a container of another state folder.
func (r *Roots) UnmountIn(ctx context.Context, state, container string) error {
	return Open(Options{State: state, Images: r.images, Layers: r.layers}).Unmount(ctx, container)
}

func (r *Roots) take(ctx context.Context, container string, away func(path string, at mountpoint) error) error {
	if err := r.unmount(ctx, container, away); err != nil {
		return fmt.Errorf("unmount root of %s: %w", container, err)
	}
	return nil
}

func (r *Roots) unmount(ctx context.Context, container string, away func(path string, at mountpoint) error) error {
	if err := checkName(container); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	lock, err := r.lock(container)
	if errors.Is(err, ErrNoLayer) {
		return ErrNotMounted
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := clearStaged(r.home(container), nil); err != nil {
		return err
	}
	at, mounted, err := mountAt(r.Path(container))
	if err != nil {
		return err
	}
	if !mounted {
		return ErrNotMounted
	}
	if _, _, ours := at.root(); !ours {
		return fmt.Errorf("%s: %w", at.String(), ErrMounted)
	}
	if err := away(r.Path(container), at); err != nil {
		return err
	}
	return r.sound(container)
}

func detach(path string, _ mountpoint) error {
	return os.NewSyscallError("umount", unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
}

// lock keeps other goroutines and processes from mounting the same container.
// It is on the folder of layers: the mount point itself is another inode once
// it is mounted on.
func (r *Roots) lock(container string) (*os.File, error) {
	dir, err := os.Open(r.writable(container))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", r.writable(container), ErrNoLayer)
	}
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX)
		if err == nil {
			return dir, nil
		}
		if err != unix.EINTR {
			_ = dir.Close()
			return nil, os.NewSyscallError("flock", err)
		}
	}
}
