package rootfs

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"strake/reconcile/chain"
	"strake/reconcile/resource"
)

// Differ lists what a container would see otherwise on root to than on root
// from, by path. Only what lies in layers that the two do not share is looked
// at, so it costs what those hold. A root without writable layers is what lies
// below them. Error: ErrNoLayer.
func (r *Roots) Differ(ctx context.Context, from, to resource.Root) ([]resource.FileChange, error) {
	list, err := r.differ(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("compare roots of %s: %w", to.Container, err)
	}
	return list, nil
}

func (r *Roots) differ(ctx context.Context, from, to resource.Root) ([]resource.FileChange, error) {
	old, err := r.stack(from)
	if err != nil {
		return nil, err
	}
	new, err := r.stack(to)
	if err != nil {
		return nil, err
	}
	a, err := r.openOwn(old)
	if err != nil {
		return nil, err
	}
	defer a.close()
	b, err := r.openOwn(new)
	if err != nil {
		return nil, err
	}
	defer b.close()
	d := differ{ctx: ctx, old: old, new: new}
	err = d.folder("/", a, b)
	return d.list, err
}

// openOwn opens layers so that all owners are the container's own ids.
func (r *Roots) openOwn(paths []string) (strata, error) {
	s, err := openStrata(paths)
	if err != nil {
		return nil, err
	}
	for i, path := range paths {
		is, err := forms(filepath.Dir(filepath.Dir(path)))
		if err != nil {
			s.close()
			return nil, err
		}
		if n := len(is); n > 0 {
			s[i].ids = translation{from: is, to: form{0, is[n-1].size}}
		}
	}
	return s, nil
}

// stack is where the layers of a root lie, the top one first.
func (r *Roots) stack(root resource.Root) ([]string, error) {
	paths, err := r.written(root)
	return append(paths, r.sharedPaths(root)...), err
}

// Written is where a root's writable layers lie, the top one first.
// Error: ErrNoLayer.
func (r *Roots) Written(root resource.Root) ([]string, error) {
	paths, err := r.written(root)
	if err != nil {
		return nil, fmt.Errorf("find layers of %s: %w", root.Container, err)
	}
	return paths, nil
}

func (r *Roots) written(root resource.Root) ([]string, error) {
	have, err := r.pieces(root.Container)
	if err != nil {
		return nil, err
	}
	pieces, ok := chain.Resolve(root.Writable, have)
	if !ok {
		return nil, fmt.Errorf("writable layers %v: %w", root.Writable, ErrNoLayer)
	}
	var paths []string
	for _, p := range pieces {
		paths = append(paths, r.upper(root.Container, p))
	}
	return paths, nil
}

type differ struct {
	ctx      context.Context
	old, new []string // where the layers of the two lie
	list     []resource.FileChange
}

// show says whether one of the strata is of this layer. A layer that both have shows
// in one alone where the other has an opaque folder over it.
func (s strata) show(layers []string, layer string) bool {
	return slices.ContainsFunc(s, func(f stratum) bool { return layers[f.layer] == layer })
}

func (d *differ) folder(at string, a, b strata) error {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	mine, err := a.names(func(s stratum) bool { return !b.show(d.new, d.old[s.layer]) })
	if err != nil {
		return err
	}
	others, err := b.names(func(s stratum) bool { return !a.show(d.old, d.new[s.layer]) })
	if err != nil {
		return err
	}
	names := slices.Concat(mine, others)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if err := d.name(path.Join(at, name), name, a, b); err != nil {
			return err
		}
	}
	return nil
}

func (d *differ) name(at, name string, a, b strata) error {
	x, err := a.at(name)
	if err != nil {
		return err
	}
	defer x.dirs.close()
	y, err := b.at(name)
	if err != nil {
		return err
	}
	defer y.dirs.close()
	switch {
	case x.isDir() && y.isDir():
		if !sameOwner(x.st, y.st) {
			d.add(at+"/", "changed", 0, 0)
		}
		return d.folder(at, x.dirs, y.dirs)
	case x.there() && y.there() && !x.isDir() && !y.isDir():
		if !sameFile(x.st, y.st) {
			d.add(at, "changed", x.st.Size, y.st.Size)
		}
		return nil
	}
	if err := d.whole(at, "removed", x); err != nil {
		return err
	}
	return d.whole(at, "added", y)
}

// whole lists a file, or a folder with all that is in it.
func (d *differ) whole(at, how string, e entry) error {
	was, is := e.st.Size, int64(0)
	if how == "added" {
		was, is = 0, e.st.Size
	}
	switch {
	case !e.there():
		return nil
	case !e.isDir():
		d.add(at, how, was, is)
		return nil
	}
	d.add(at+"/", how, 0, 0)
	names, err := e.dirs.names(func(stratum) bool { return true })
	if err != nil {
		return err
	}
	for _, name := range names {
		inner, err := e.dirs.at(name)
		if err == nil {
			err = d.whole(path.Join(at, name), how, inner)
		}
		inner.dirs.close()
		if err != nil {
			return err
		}
	}
	return d.ctx.Err()
}

func (d *differ) add(at, how string, was, is int64) {
	d.list = append(d.list, resource.FileChange{Path: at, How: how, Was: was, Size: is})
}

func sameOwner(a, b unix.Stat_t) bool {
	return a.Mode == b.Mode && a.Uid == b.Uid && a.Gid == b.Gid
}

// sameFile is the quick check of rsync(1): a copy that the kernel made on
// opening a file for writing, and that nobody wrote to, is the same.
func sameFile(a, b unix.Stat_t) bool {
	if a.Dev == b.Dev && a.Ino == b.Ino {
		return true
	}
	return sameOwner(a, b) && a.Rdev == b.Rdev && a.Size == b.Size && a.Mtim == b.Mtim
}
