package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// shifted is the folder, in a container's own, that has copies of what it shares
// with others elsewhere, with its ids of the host: BASE+SIZE/i-DIGEST and l-KEY.
// They can be made again at any time.
const shifted = "shifted"

func (r *Roots) copies(container string, m resource.IDMap) string {
	return filepath.Join(r.home(container), shifted, fmt.Sprintf("%d+%d", m.Base, m.Size))
}

// copyShared makes the copies that a root is mounted from, where it needs some.
func (r *Roots) copyShared(ctx context.Context, root resource.Root) error {
	if !r.shifts(root.IDMap) {
		return nil
	}
	for i, l := range r.shared(root) {
		if exists(l.path) {
			continue
		}
		if err := r.copyOne(ctx, root.IDMap, r.sharedPaths(root)[i], l.path); err != nil {
			return fmt.Errorf("copy %s for ids %d+%d: %w", l.name, root.IDMap.Base, root.IDMap.Size, err)
		}
	}
	return nil
}

func (r *Roots) copyOne(ctx context.Context, m resource.IDMap, from, to string) error {
	if !exists(from) {
		return fmt.Errorf("%s: %w", from, ErrNoLayer)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	fresh := filepath.Join(filepath.Dir(to), half+filepath.Base(to))
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	ids := translation{from: []form{{0, m.Size}}, to: form{m.Base, m.Size}, mask: true}
	err := copyTree(ctx, from, fresh, ids)
	if err == nil {
		err = syncAll(fresh)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	return settle(fresh, filepath.Base(to))
}

// uselessCopies are those that no root of kept is mounted from, and nothing that is
// mounted now.
func (r *Roots) uselessCopies(container string, init int, kept []resource.Root) ([]string, error) {
	top := filepath.Join(r.home(container), shifted)
	ranges, err := os.ReadDir(top)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kept = slices.DeleteFunc(slices.Clone(kept), func(root resource.Root) bool { return !r.shifts(root.IDMap) })
	needed := r.copiesOf(kept)
	mounted, err := r.rootsMounted(container, init, func([]string) {})
	if err != nil {
		return nil, err
	}
	is, err := forms(r.writable(container))
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(is, func(f form) bool { return f.base != 0 }) { // else it is mounted without
		needed = append(needed, r.copiesOf(mounted)...)
	}
	var list []string
	for _, d := range ranges {
		found, err := os.ReadDir(filepath.Join(top, d.Name()))
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if path := filepath.Join(top, d.Name(), e.Name()); !slices.Contains(needed, path) {
				list = append(list, path)
			}
		}
	}
	return list, nil
}

func (r *Roots) copiesOf(roots []resource.Root) []string {
	var list []string
	for _, root := range roots {
		for _, l := range r.shared(root) {
			list = append(list, filepath.Join(r.copies(root.Container, root.IDMap), l.name))
		}
	}
	return list
}

// rootsMounted are the container's roots that are mounted, as this process sees it
// and, where init is not 0, as that one does. each is told what they are made of.
func (r *Roots) rootsMounted(container string, init int, each func(pieces []string)) ([]resource.Root, error) {
	var roots []resource.Root
	for _, pid := range []int{0, init}[:1+min(init, 1)] {
		list, err := mounts(pid)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // init has ended
		}
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if root, pieces, ours := m.root(); ours && root.Container == container {
				each(pieces)
				roots = append(roots, root)
			}
		}
	}
	return roots, nil
}
