package rootfs

import (
	"context"
	"fmt"
	"path"
	"strings"

	"strake/reconcile/resource"
)

// Shadowed lists the paths of system layers that would not show on root,
// because one of its writable layers has its own, or hides them. Of a layer
// that is not built yet the places of package databases are looked at. It costs
// what the two have in common. Error: ErrNoLayer.
func (r *Roots) Shadowed(ctx context.Context, root resource.Root, keys []string) ([]string, error) {
	list, err := r.shadowed(ctx, root, keys)
	if err != nil {
		return nil, fmt.Errorf("compare layers of %s: %w", root.Container, err)
	}
	return list, nil
}

func (r *Roots) shadowed(ctx context.Context, root resource.Root, keys []string) ([]string, error) {
	paths, err := r.written(root)
	if err != nil {
		return nil, err
	}
	own, err := openStrata(paths)
	if err != nil {
		return nil, err
	}
	defer own.close()
	s := shadow{ctx: ctx}
	for _, key := range keys {
		if !exists(r.layers(key)) {
			err = s.databases(own)
		} else {
			err = s.layer(r.layers(key), own)
		}
		if err != nil {
			return nil, err
		}
	}
	return s.list, nil
}

type shadow struct {
	ctx  context.Context
	list []string
}

func (s *shadow) layer(tree string, own strata) error {
	layer, err := openStrata([]string{tree})
	if err != nil {
		return err
	}
	defer layer.close()
	return s.folder("/", layer, own)
}

func (s *shadow) folder(at string, layer, own strata) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	names, err := layer.names(func(stratum) bool { return true })
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.name(path.Join(at, name), name, layer, own); err != nil {
			return err
		}
	}
	return nil
}

func (s *shadow) name(at, name string, layer, own strata) error {
	over, err := own.at(name)
	if err != nil {
		return err
	}
	defer over.dirs.close()
	if !over.there() && !over.whiteout {
		return nil
	}
	below, err := layer.at(name)
	if err != nil {
		return err
	}
	defer below.dirs.close()
	if below.isDir() && over.isDir() && !over.closed {
		return s.folder(at, below.dirs, over.dirs)
	}
	s.list = append(s.list, at)
	return nil
}

// databases says which packages are installed, by the package managers of
// distributions.
var databases = [...]string{"/var/lib/dpkg/status", "/lib/apk/db/installed", "/usr/lib/apk/db/installed", "/usr/lib/sysimage/rpm", "/var/lib/rpm"}

func (s *shadow) databases(own strata) error {
	for _, name := range databases {
		there, err := own.have(name)
		if err != nil {
			return err
		}
		if there {
			s.list = append(s.list, name)
		}
	}
	return nil
}

// have says whether one of the strata has its own of a path, or hides it.
func (s strata) have(name string) (bool, error) {
	first, rest, deeper := strings.Cut(strings.TrimPrefix(name, "/"), "/")
	e, err := s.at(first)
	defer e.dirs.close()
	if err != nil || !deeper || !e.isDir() {
		return e.there() || e.whiteout, err
	}
	return e.dirs.have(rest)
}
