package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"strake/reconcile/chain"
	"strake/reconcile/resource"
)

// chainFile lists the layers that a merged piece holds, the newest first.
const chainFile = "chain"

// Layers lists the pieces that a container's writable layers lie in, and those
// that are mounted at this moment: as this process sees it and, where init is
// not 0, as that process of the host does.
func (r *Roots) Layers(container string, init int) (have, used [][]int, err error) {
	if err := checkName(container); err != nil {
		return nil, nil, err
	}
	pieces, err := r.pieces(container)
	if err != nil {
		return nil, nil, fmt.Errorf("list layers of %s: %w", container, err)
	}
	names, err := r.mountedNames(container, init)
	if err != nil {
		return nil, nil, fmt.Errorf("list layers of %s: %w", container, err)
	}
	for _, p := range pieces {
		have = append(have, p)
		if slices.Contains(names, p.Name()) {
			used = append(used, p)
		}
	}
	return have, used, nil
}

// pieces reads what is on disk. What is half made or half gone is none.
func (r *Roots) pieces(container string) ([]chain.Piece, error) {
	var list []chain.Piece
	err := r.each(container, func(place, name string) {
		if p, ok := r.piece(container, name); ok && exists(filepath.Join(place, name, "upper")) {
			list = append(list, p)
		}
	})
	return list, err
}

// each goes through all that lies where pieces do.
func (r *Roots) each(container string, f func(place, name string)) error {
	for _, place := range []string{r.bounded(container), r.writable(container)} {
		entries, err := os.ReadDir(place)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, e := range entries {
			f(place, e.Name())
		}
	}
	return nil
}

// bounded is where a file system of a bounded size is mounted, for layers.
func (r *Roots) bounded(container string) string {
	return resource.RootDisk(r.home(container), 0).At
}

// at is where a piece lies, or would.
func (r *Roots) at(container, name string) string {
	if path := filepath.Join(r.bounded(container), name); exists(path) {
		return path
	}
	return filepath.Join(r.writable(container), name)
}

// piece is what lies under a name.
func (r *Roots) piece(container, name string) (chain.Piece, bool) {
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && strconv.Itoa(n) == name {
		return chain.Piece{n}, true
	}
	if !strings.Contains(name, "-") || strings.Contains(name, "/") {
		return nil, false
	}
	text, err := os.ReadFile(filepath.Join(r.at(container, name), chainFile))
	if err != nil {
		return nil, false
	}
	var p chain.Piece
	for word := range strings.FieldsSeq(string(text)) {
		n, err := strconv.Atoi(word)
		if err != nil {
			return nil, false
		}
		p = append(p, n)
	}
	return p, len(p) > 1 && p.Name() == name
}

// mountedNames are the names of the pieces that roots of the container are
// mounted from.
func (r *Roots) mountedNames(container string, init int) ([]string, error) {
	var names []string
	_, err := r.rootsMounted(container, init, func(pieces []string) { names = append(names, pieces...) })
	return names, err
}

// rootOf reads a mount of ours back. Layers that lie in a merged piece which
// is gone are left out: that nobody may take away while it is mounted.
func (r *Roots) rootOf(m mountpoint) (resource.Root, bool) {
	root, names, ours := m.root()
	if !ours || checkName(root.Container) != nil {
		return root, false // also what somebody in a container called so
	}
	for _, name := range names {
		p, _ := r.piece(root.Container, name)
		root.Writable = append(root.Writable, p...)
	}
	return root, ours
}

// resolve finds the pieces that a root is mounted from, the top one first.
func (r *Roots) resolve(root resource.Root) ([]chain.Piece, error) {
	have, err := r.pieces(root.Container)
	if err != nil {
		return nil, err
	}
	pieces, ok := chain.Mounted(root.Writable, have)
	if !ok {
		return nil, fmt.Errorf("writable layers %v: %w", root.Writable, ErrNoLayer)
	}
	return pieces, nil
}

func (r *Roots) upper(container string, p chain.Piece) string {
	return filepath.Join(r.at(container, p.Name()), "upper")
}
