package rootfs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

// ErrHidden: what would be written could not be seen inside.
var ErrHidden = errors.New("a mount of the container's own lies over it")

// Files shows what really lies at the paths of known, owners in their words
// where they mean the same. pid is the container's init, whose mounts may
// hide something. Error: ErrNotMounted.
func (r *Roots) Files(pid int, container string, ids resource.IDMap, known []resource.File) ([]resource.File, error) {
	list, err := r.files(pid, container, ids, known)
	if err != nil {
		return nil, fmt.Errorf("look at files of %s: %w", container, err)
	}
	return list, nil
}

func (r *Roots) files(pid int, container string, ids resource.IDMap, known []resource.File) ([]resource.File, error) {
	in, err := r.enter(container, int(ids.Base))
	if err != nil {
		return nil, err
	}
	defer in.close()
	people, err := in.accounts(int(ids.Size))
	if err != nil {
		return nil, err
	}
	over, err := mounts(pid)
	if err != nil {
		return nil, err
	}
	said := map[string][]string{}
	var paths []string
	for _, f := range known {
		if said[f.Path] == nil {
			paths = append(paths, f.Path)
		}
		said[f.Path] = append(said[f.Path], f.Owner)
	}
	var list []resource.File
	for _, name := range paths {
		c, err := in.look(name, most)
		if err != nil {
			c = content{there: true, odd: "out of reach (" + errors.Unwrap(err).Error() + ")"}
		}
		if at := in.cover(name, over); at != "" {
			c = content{there: true, odd: "hidden by the mount at " + at}
		}
		if c.there {
			list = append(list, c.file(name, people, said[name]))
		}
	}
	return list, nil
}

func (c content) file(name string, people accounts, said []string) resource.File {
	f := resource.File{Path: name, Odd: c.odd, Mode: fmt.Sprintf("%04o", c.mode), Owner: people.owner(c.owner, c.group, said)}
	if c.link != "" {
		f.Odd = "a link to " + strconv.Quote(c.link)
	}
	if f.Odd == "" {
		f = f.Holding(c.text)
	}
	return f
}

// SetFiles makes files lie in a container's mounted root, with its ids, each
// in one step, and gives back what the image has where one is to be gone. It
// returns the paths that were not as wanted. Errors: ErrNotMounted, ErrHidden,
// ErrNoAccount, ErrFolder.
func (r *Roots) SetFiles(_ context.Context, set resource.FileSet) (changed []string, err error) {
	if len(set.Files)+len(set.Gone) == 0 {
		return nil, nil
	}
	if changed, err = r.setFiles(set); err != nil {
		return changed, fmt.Errorf("write files of %s: %w", set.Root.Container, err)
	}
	return changed, nil
}

func (r *Roots) setFiles(set resource.FileSet) (changed []string, err error) {
	in, err := r.enter(set.Root.Container, int(set.Root.IDMap.Base))
	if err != nil {
		return nil, err
	}
	defer in.close()
	over, err := mountsOf(set.Init)
	if err != nil {
		return nil, err
	}
	people, err := in.accounts(int(set.Root.IDMap.Size))
	if err != nil {
		return nil, err
	}
	for _, f := range set.Files {
		want, err := wanted(f, people, set.Reveal)
		if at := in.cover(f.Path, over); err == nil && at != "" {
			err = fmt.Errorf("%w, at %s", ErrHidden, at)
		}
		if err != nil {
			return changed, fmt.Errorf("%s: %w", f.Path, err)
		}
		if want, err = in.leave(f, want, set); err != nil {
			return changed, err
		}
		if changed, err = in.settleNoting(f.Path, want, changed); err != nil {
			return changed, err
		}
	}
	return r.giveBack(in, set, changed)
}

// leave takes over what of a file that is there is not to be changed.
func (in *inside) leave(f resource.File, want content, set resource.FileSet) (content, error) {
	text, mode, owner := set.Leaves(f, "content"), set.Leaves(f, "mode"), set.Leaves(f, "owner")
	if !text && !mode && !owner {
		return want, nil
	}
	have, err := in.look(f.Path, mostKept)
	if err != nil || !have.there || have.odd != "" || have.link != "" {
		return want, err
	}
	if text {
		want.text = have.text
	}
	if mode {
		want.mode = have.mode
	}
	if owner {
		want.owner, want.group = have.owner, have.group
	}
	return want, nil
}

func (in *inside) settleNoting(name string, want content, changed []string) ([]string, error) {
	did, err := in.settle(name, want)
	if did {
		changed = append(changed, name)
	}
	return changed, err
}

// mountsOf are those of an init; none where there is none.
func mountsOf(pid int) ([]mountpoint, error) {
	if pid == 0 {
		return nil, nil
	}
	return mounts(pid)
}

func wanted(f resource.File, people accounts, reveal func(string) ([]byte, error)) (content, error) {
	c := content{there: true, text: []byte(f.Content)}
	mode, err := strconv.ParseUint(f.Mode, 8, 12)
	if err != nil {
		return c, fmt.Errorf("mode %q: %w", f.Mode, err)
	}
	c.mode = uint32(mode)
	if f.Digest != "" {
		if c.text, err = reveal(f.Digest); err != nil {
			return c, err
		}
	}
	c.owner, c.group, err = people.ids(f.Owner)
	return c, err
}

// giveBack has what the image has lie where a file is to be gone.
func (r *Roots) giveBack(in *inside, set resource.FileSet, changed []string) ([]string, error) {
	if len(set.Gone) == 0 {
		return changed, nil
	}
	below, err := r.beneath(set.Root)
	if err != nil {
		return changed, err
	}
	defer below.close()
	for _, name := range set.Gone {
		was, err := below.look(name, mostKept)
		if err != nil {
			return changed, err
		}
		if was.odd != "" {
			return changed, fmt.Errorf("%s: the image has %s there", name, was.odd)
		}
		if changed, err = in.settleNoting(name, was, changed); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// beneath is a root without its writable layers.
func (r *Roots) beneath(root resource.Root) (*inside, error) {
	layers, err := r.clone(root, r.shared(root))
	in := &inside{fd: -1, owner: int(root.IDMap.Base)}
	if err == nil && len(layers) == 1 { // an overlay has two at least
		in.fd = layers[0].fd
		return in, nil
	}
	defer closeLayers(layers)
	if err == nil {
		names := make([]string, len(layers))
		for i, l := range layers {
			names[i] = l.name
		}
		in.fd, err = r.bench.overlay(job{source: sourceOf(root), options: "lowerdir=" + strings.Join(names, ":") + "," + fixed, layers: layers, readOnly: true})
	}
	return in, err
}
