package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/chain"
	"strake/reconcile/resource"
)

// Merge makes one piece of the n uppermost layers of a root, beside those that
// it is made of: they stay. A file is a hard link, so it is the very file with all that
// it has, and takes no room, or a copy where it is small; folders are made anew. Nobody may
// write to one of the layers. Error: ErrNoLayer.
func (r *Roots) Merge(ctx context.Context, root resource.Root, n int) error {
	p := chain.Piece(root.Writable[:n])
	if err := r.merge(ctx, root, p); err != nil {
		return fmt.Errorf("merge layers %s of %s: %w", p.Name(), root.Container, err)
	}
	return nil
}

func (r *Roots) merge(ctx context.Context, root resource.Root, p chain.Piece) error {
	lock, err := r.lock(root.Container)
	if err != nil {
		return err
	}
	defer lock.Close()
	have, err := r.pieces(root.Container)
	if err != nil {
		return err
	}
	parts, ok := chain.Resolve(p, have)
	below, whole := chain.Resolve(root.Writable[len(p):], have)
	if !ok || !whole {
		return ErrNoLayer
	}
	if len(parts) == 1 {
		return nil
	}
	text := strings.Trim(fmt.Sprint([]int(p)), "[]") + "\n"
	return r.lay(ctx, root, slices.Concat(parts, below), merger{ctx: ctx, n: len(parts)}, p.Name(), text)
}

// lay makes a piece of this name of what the merger takes from a stack of
// others. chain is what its chain file says; "" for a plain layer.
func (r *Roots) lay(ctx context.Context, root resource.Root, stack []chain.Piece, m merger, name, text string) error {
	if err := r.settled(root.Container); err != nil {
		return err
	}
	var paths []string
	for _, part := range stack {
		paths = append(paths, r.upper(root.Container, part))
	}
	fresh, err := aside(filepath.Dir(r.at(root.Container, stack[0].Name())), name)
	if err != nil {
		return err
	}
	err = m.into(fresh, append(paths, r.sharedPaths(root)...))
	if err == nil && text != "" {
		err = os.WriteFile(filepath.Join(fresh, chainFile), []byte(text), 0o600)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return settle(fresh, name)
}

// Reset makes a layer of all writable ones of a root, without what they have
// at these paths, which are absolute: there the image's files show again. Where it was made
// before it stays.
func (r *Roots) Reset(ctx context.Context, root resource.Root, layer int, paths []string) error {
	if err := r.reset(ctx, root, layer, paths); err != nil {
		return fmt.Errorf("reset %s of %s: %w", strings.Join(paths, ", "), root.Container, err)
	}
	return nil
}

func (r *Roots) reset(ctx context.Context, root resource.Root, layer int, paths []string) error {
	lock, err := r.lock(root.Container)
	if err != nil {
		return err
	}
	defer lock.Close()
	if exists(r.layer(root.Container, layer)) {
		return nil
	}
	have, err := r.pieces(root.Container)
	if err != nil {
		return err
	}
	parts, ok := chain.Resolve(root.Writable, have)
	if !ok {
		return ErrNoLayer
	}
	return r.lay(ctx, root, parts, merger{ctx, len(parts), paths}, fmt.Sprint(layer), "")
}

// half begins the names of what is half made, or half gone: nothing of it counts.
const half = ".half-"

// aside is an empty folder beside a piece, in which it is made.
func aside(place, name string) (string, error) {
	fresh := filepath.Join(place, half+name)
	if err := os.RemoveAll(fresh); err != nil {
		return "", err
	}
	return fresh, os.Mkdir(fresh, 0o700)
}

// settle gives what is made its name. All that was done before is then on
// disk: a journal keeps the order of what happened in one file system.
func settle(fresh, name string) error {
	place, err := os.Open(filepath.Dir(fresh))
	if err != nil {
		return err
	}
	defer place.Close()
	if err := os.Rename(fresh, filepath.Join(place.Name(), name)); err != nil {
		return err
	}
	return place.Sync()
}

// RemoveLayers takes a piece away that nobody needs. One that is not there is
// as good.
func (r *Roots) RemoveLayers(container string, layers []int) error {
	name := chain.Piece(layers).Name()
	if err := r.removeLayers(container, name); err != nil {
		return fmt.Errorf("remove layers %s of %s: %w", name, container, err)
	}
	return nil
}

func (r *Roots) removeLayers(container, name string) error {
	lock, err := r.lock(container)
	if errors.Is(err, ErrNoLayer) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	at := r.at(container, name)
	gone := filepath.Join(filepath.Dir(at), half+"gone-"+name)
	err = os.Rename(at, gone)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(gone)
}

// Sweep takes away what was half made, or half gone, and copies for an old kernel
// that neither one of the roots that are kept needs nor what is mounted, as Layers
// has it.
func (r *Roots) Sweep(container string, init int, kept []resource.Root) error {
	found, err := r.Leftovers(container, init, kept)
	for _, path := range found {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("sweep layers of %s: %w", container, err)
	}
	return nil
}

// Leftovers lists what Sweep takes away.
func (r *Roots) Leftovers(container string, init int, kept []resource.Root) ([]string, error) {
	list, err := r.uselessCopies(container, init, kept)
	if err != nil {
		return nil, err
	}
	err = r.each(container, func(place, name string) {
		if strings.HasPrefix(name, half) {
			list = append(list, filepath.Join(place, name))
		}
	})
	return list, err
}

// into makes the upper folder of a piece in fresh.
func (m merger) into(fresh string, paths []string) error {
	s, err := openStrata(paths)
	if err != nil {
		return err
	}
	defer s.close()
	upper := filepath.Join(fresh, "upper")
	if err := os.Mkdir(upper, 0o700); err != nil {
		return err
	}
	to, err := openFolder(unix.AT_FDCWD, upper)
	if err != nil {
		return err
	}
	defer to.Close()
	return m.folder(s, to, "/")
}

// merger merges the first n layers of a stack. The others tell what it is to
// hide: the kernel makes no folder opaque where a layer below hides already
// what it could show, and that one may be merged away.
type merger struct {
	ctx     context.Context
	n       int
	without []string // paths of which nothing is taken
}

func (m merger) mine(s stratum) bool { return s.layer < m.n }

// covers says whether a folder of a layer below shows through.
func (m merger) covers(s strata) bool {
	return slices.ContainsFunc(s, func(f stratum) bool { return !m.mine(f) })
}

func (m merger) folder(s strata, to *os.File, at string) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	names, err := s.names(m.mine)
	if err != nil {
		return err
	}
	for _, name := range names {
		if slices.Contains(m.without, path.Join(at, name)) {
			continue
		}
		if err := m.name(s, to, at, name); err != nil {
			return err
		}
	}
	return copyAttributes(to, s[0].File, translation{})
}

func (m merger) name(s strata, to *os.File, at, name string) error {
	e, err := s.at(name)
	if err != nil {
		return err
	}
	defer e.dirs.close()
	switch {
	case e.whiteout && m.covers(s):
		return whiteout(to, name)
	case !e.there():
		return nil // in a folder that covers none the kernel would show a whiteout as the device that it is
	case !e.isDir():
		return together(s[e.from].File, to, name, e.st)
	}
	if err := unix.Mkdirat(int(to.Fd()), name, 0o700); err != nil {
		return &os.PathError{Op: "mkdir", Path: name, Err: err}
	}
	inner, err := openFolder(int(to.Fd()), name)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer inner.Close()
	if err := m.folder(e.dirs, inner, path.Join(at, name)); err != nil {
		return err
	}
	if e.closed && !m.covers(e.dirs) {
		return os.NewSyscallError("setxattr", unix.Fsetxattr(int(inner.Fd()), opaque, []byte("y"), 0))
	}
	return nil
}

func whiteout(to *os.File, name string) error {
	err := unix.Mknodat(int(to.Fd()), name, unix.S_IFCHR, 0)
	if err != nil {
		return &os.PathError{Op: "mknod", Path: name, Err: err}
	}
	return nil
}

// small is how large a file may be that is copied.
const small = 64 << 10

// together has a file in both pieces. A hard link is the very file, whatever
// its size; but it has one name more then, for as long as both pieces are
// there, and who reads files that decide something refuses that: cron a
// crontab, logrotate a log (allowhardlink in logrotate(8)). Those are small, and copied,
// as long as there is room.
func together(from, to *os.File, name string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1 && st.Size <= small {
		err := copyFile(from, to, name, translation{})
		if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
			return err
		}
		if err := unix.Unlinkat(int(to.Fd()), name, 0); err != nil && err != unix.ENOENT {
			return &os.PathError{Op: "unlink", Path: name, Err: err}
		}
	}
	return link(from, to, name)
}

// link makes a hard link, or, where a file has as many as it may have or the
// layers lie in two file systems, a copy.
func link(from, to *os.File, name string) error {
	err := unix.Linkat(int(from.Fd()), name, int(to.Fd()), name, 0)
	if err == unix.EMLINK || err == unix.EXDEV {
		return copyFile(from, to, name, translation{})
	}
	if err != nil {
		return &os.PathError{Op: "link", Path: name, Err: err}
	}
	return nil
}
