package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/reconcile/chain"
	"strake/reconcile/resource"
)

// Prepare makes what Mount needs on disk: the mount point, which others may
// pass through (0711), and the newest writable layer, which they may not: set-
// uid files in it belong to the host's own root. What is there stays. Error:
// ErrNoLayer when an older layer is not there, for an empty one in its place
// would hide that data is lost.
func (r *Roots) Prepare(ctx context.Context, root resource.Root) error {
	if err := r.prepare(ctx, root); err != nil {
		return fmt.Errorf("prepare root of %s: %w", root.Container, err)
	}
	return nil
}

func (r *Roots) prepare(ctx context.Context, root resource.Root) error {
	if err := check(root); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.folders(root.Container); err != nil {
		return err
	}
	lock, err := r.lock(root.Container)
	if err != nil {
		return err
	}
	defer lock.Close()
	have, err := r.pieces(root.Container)
	if err != nil {
		return err
	}
	older, ok := chain.Resolve(root.Writable[1:], have)
	if !ok {
		return fmt.Errorf("writable layers %v: %w", root.Writable[1:], ErrNoLayer)
	}
	if err := r.copyShared(ctx, root); err != nil {
		return err
	}
	below := ""
	if len(older) > 0 {
		below = r.upper(root.Container, older[0])
	}
	return r.newLayer(root, below)
}

func (r *Roots) folders(container string) error {
	home := r.home(container)
	if err := os.MkdirAll(home, 0o711); err != nil {
		return err
	}
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{
		{filepath.Dir(home), 0o711}, {home, 0o711}, {r.writable(container), 0o700},
	} {
		if err := folder(d.path, d.mode); err != nil {
			return err
		}
	}
	// Once mounted on, its mode is the container's business.
	if err := os.Mkdir(r.Path(container), 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return nil
}

// folder makes it, with this mode whatever the umask is.
func folder(path string, mode os.FileMode) error {
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	at, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !at.IsDir() {
		return &os.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	}
	if at.Mode().Perm() == mode {
		return nil
	}
	return os.Chmod(path, mode)
}

// newLayer makes the top layer. below is the one that it lies on, where that is a
// writable one, too.
func (r *Roots) newLayer(root resource.Root, below string) error {
	layer := r.layer(root.Container, root.Writable[0])
	if root.Bounded && !exists(layer) {
		layer = filepath.Join(r.bounded(root.Container), fmt.Sprint(root.Writable[0]))
	}
	if exists(filepath.Join(layer, "upper")) {
		return r.newWork(root)
	}
	is, err := r.formAt(root.Container, filepath.Dir(layer), r.formOf(root.IDMap))
	if err != nil {
		return err
	}
	ids := translation{from: []form{{0, root.IDMap.Size}}, to: is}
	if below != "" {
		ids = translation{}
	} else {
		below = r.sharedPaths(root)[0]
	}
	if err := folder(layer, 0o700); err != nil {
		return err
	}
	if err := newUpper(filepath.Join(layer, "upper"), below, ids); err != nil {
		return err
	}
	return r.newWork(root)
}

// Renew has the top layer of a root empty and nothing mounted: its next mount
// shows only what lies below.
func (r *Roots) Renew(ctx context.Context, root resource.Root) error {
	err := r.Unmount(ctx, root.Container)
	if err == nil || errors.Is(err, ErrNotMounted) {
		err = r.RemoveLayers(root.Container, root.Writable[:1])
	}
	if err != nil {
		return err
	}
	return r.Prepare(ctx, root)
}

// newUpper takes all that its root is from what it will cover: the top layer's
// root is what the container sees of its "/".
func newUpper(upper, below string, ids translation) error {
	from, err := openFolder(unix.AT_FDCWD, below)
	if err != nil {
		return fmt.Errorf("%s: %w", below, ErrNoLayer)
	}
	defer from.Close()
	if err := os.Mkdir(upper+".new", 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	to, err := openFolder(unix.AT_FDCWD, upper+".new")
	if err != nil {
		return err
	}
	defer to.Close()
	if err := copyAttributes(to, from, ids); err != nil {
		return err
	}
	return os.Rename(upper+".new", upper)
}

// newWork makes the kernel's scratch folder, again where it is for another
// kind of mapping: nothing in it outlives a mount. While the root is mounted it
// is in use and stays; Mount comes here again.
func (r *Roots) newWork(root resource.Root) error {
	work, owner := filepath.Join(r.layer(root.Container, root.Writable[0]), "work"), builder
	if root.IDMap.Privileged || r.shifts(root.IDMap) {
		owner = 0 // the host's root has an id there, its own
	}
	var st syscall.Stat_t
	err := syscall.Lstat(work, &st)
	if err == nil && int(st.Uid) == owner && int(st.Gid) == owner {
		return nil
	}
	if err == nil {
		if _, mounted, err := mountAt(r.Path(root.Container)); err != nil || mounted {
			return err
		}
		if err := os.RemoveAll(work); err != nil {
			return err
		}
	}
	if err := folder(work, 0o700); err != nil {
		return err
	}
	return os.Lchown(work, owner, owner)
}
