package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// ErrOverlap: ids can't be told from those that they are to become.
var ErrOverlap = errors.New("the old and the new range of ids overlap; choose one that does not")

// form says which ids layers have on disk: from base on. Those of a container's
// own, where 0 is its root, fit every range; a kernel that can't map them for
// an overlay wants the host's.
type form struct{ base, size uint32 }

func (f form) has(id uint32) bool { return id >= f.base && id-f.base < f.size }

func (f form) overlaps(o form) bool {
	return uint64(f.base) < uint64(o.base)+uint64(o.size) && uint64(o.base) < uint64(f.base)+uint64(f.size)
}

// formOf is what a root's layers have to have.
func (r *Roots) formOf(m resource.IDMap) form {
	switch {
	case m.Privileged:
		return form{0, 1 << 16}
	case r.shifts(m):
		return form{m.Base, m.Size}
	}
	return form{0, m.Size}
}

// shifts says whether layers have to have the container's ids of the host: where
// this kernel can't put an overlay on id-mapped mounts of this file system.
func (r *Roots) shifts(m resource.IDMap) bool {
	if m.Privileged {
		return false
	}
	r.probe.Do(func() { r.unmapped = r.unmapped || !r.maps(m) })
	return r.unmapped
}

// maps tries it. Overlay takes such layers since Linux 5.19.
func (r *Roots) maps(m resource.IDMap) bool {
	var u unix.Utsname
	var major, minor int
	if err := unix.Uname(&u); err != nil {
		return false
	}
	if _, err := fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor); err != nil {
		return false
	}
	if major < 5 || major == 5 && minor < 19 {
		return false
	}
	ids, err := r.spaces.of(m)
	if err != nil {
		return true // which the mount will say
	}
	fd, err := detached(r.state, unix.MOUNT_ATTR_RDONLY, int(ids.Fd()))
	if err != nil {
		return !errors.Is(err, ErrNoIDMap)
	}
	return unix.Close(fd) == nil
}

// formFile says which ids the layers beside it have. Two lines: they are on their
// way from the first to the second. Without it they are the container's own.
const formFile = "ids"

// forms reads it.
func forms(place string) ([]form, error) {
	text, err := os.ReadFile(filepath.Join(place, formFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []form
	for line := range strings.Lines(string(text)) {
		var f form
		if _, err := fmt.Sscanf(line, "%d+%d\n", &f.base, &f.size); err != nil {
			return nil, fmt.Errorf("%s: not a range of ids: %q", filepath.Join(place, formFile), line)
		}
		list = append(list, f)
	}
	return list, nil
}

func setForms(place string, list []form) error {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%d+%d\n", f.base, f.size)
	}
	path := filepath.Join(place, formFile)
	fresh := path + ".new"
	f, err := os.OpenFile(fresh, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(b.String())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// fit has all layers of a container be of a form. Nothing of it is mounted. What
// was cut short goes on: an id that is of the new range has been changed.
func (r *Roots) fit(root resource.Root) error {
	for _, place := range []string{r.writable(root.Container), r.bounded(root.Container)} {
		if err := r.fitPlace(root.Container, place, r.formOf(root.IDMap)); err != nil {
			return fmt.Errorf("give layers other ids: %w", err)
		}
	}
	return nil
}

func (r *Roots) fitPlace(container, place string, want form) error {
	have, err := forms(place)
	if err != nil || have == nil && want.base == 0 || slices.Equal(have, []form{want}) {
		return err
	}
	names, err := r.layersIn(container, place)
	if err != nil || len(names) == 0 {
		return err
	}
	if have == nil {
		have = []form{{0, want.size}}
	}
	have = slices.DeleteFunc(have, func(f form) bool { return f.base == want.base })
	for _, f := range have {
		if f.overlaps(want) {
			return fmt.Errorf("%d+%d and %d+%d: %w", f.base, f.size, want.base, want.size, ErrOverlap)
		}
	}
	if err := setForms(place, append(slices.Clone(have), want)); err != nil {
		return err
	}
	c := shifter{translation{from: have, to: want}}
	for _, name := range names {
		if err := c.tree(filepath.Join(place, name, "upper")); err != nil {
			return err
		}
	}
	if err := syncAll(place); err != nil {
		return err
	}
	return setForms(place, []form{want})
}

// layersIn are the names of the layers that lie in a place.
func (r *Roots) layersIn(container, place string) ([]string, error) {
	entries, err := os.ReadDir(place)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		if _, ok := r.piece(container, e.Name()); ok && exists(filepath.Join(place, e.Name(), "upper")) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// formAt is what a new layer in a place has to have: what the others have that
// it will lie on, until the next mount changes all of them.
func (r *Roots) formAt(container, place string, want form) (form, error) {
	names, err := r.layersIn(container, place)
	if err != nil {
		return form{}, err
	}
	have, err := forms(place)
	switch {
	case err != nil:
		return form{}, err
	case len(names) == 0 && (have != nil || want.base != 0):
		return want, setForms(place, []form{want})
	case len(names) == 0:
		return want, nil
	case have == nil:
		return form{0, want.size}, nil
	}
	return have[len(have)-1], nil
}

// Portable has the layers of a container that is not mounted have its own ids,
// which fit everywhere.
func (r *Roots) Portable(root resource.Root) error {
	lock, err := r.lock(root.Container)
	if err != nil {
		return fmt.Errorf("make layers of %s portable: %w", root.Container, err)
	}
	defer lock.Close()
	for _, place := range []string{r.writable(root.Container), r.bounded(root.Container)} {
		if err := r.fitPlace(root.Container, place, form{0, max(root.IDMap.Size, 1<<16)}); err != nil {
			return fmt.Errorf("make layers of %s portable: %w", root.Container, err)
		}
	}
	return nil
}

// settled makes sure that no layers are on their way from one form to another,
// and that all have the same.
func (r *Roots) settled(container string) error {
	var first []form
	for i, place := range []string{r.writable(container), r.bounded(container)} {
		names, err := r.layersIn(container, place)
		if err != nil {
			return err
		}
		have, err := forms(place)
		if err != nil || len(names) == 0 {
			return errors.Join(err)
		}
		if len(have) > 1 || i > 0 && !sameForms(first, have) {
			return fmt.Errorf("layers of %s are between two ranges of ids: start it once", container)
		}
		first = have
	}
	return nil
}

func sameForms(a, b []form) bool {
	base := func(list []form) uint32 {
		if len(list) == 0 {
			return 0
		}
		return list[0].base
	}
	return base(a) == base(b)
}

// syncAll has all of a file system on disk.
func syncAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
}
