package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/reconcile/resource"
)

// setFiles brings files to the root, which is mounted, and tells who is to be
// told. What lies there until then is put aside.
func (t *task) setFiles(ctx context.Context) error {
	set := resource.FilesOf(t.c.Want.Named(t.at), t.host.Store.Content)
	set.Gone = t.goneFiles()
	if t.c.Last != nil {
		if err := t.host.Roots.KeepFiles(t.at, paths(set), t.host.Store.KeptFiles(t.at)); err != nil {
			return err
		}
	}
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil {
		return err
	}
	if live.State.Up() {
		set.Init = live.Init
	}
	changed, err := t.host.Roots.SetFiles(ctx, set)
	if err != nil {
		return err
	}
	return t.tell(ctx, changed)
}

func paths(set resource.FileSet) []string {
	list := slices.Clone(set.Gone)
	for _, f := range set.Files {
		list = append(list, f.Path)
	}
	return list
}

// goneFiles are those of the generation before that are wanted no more.
func (t *task) goneFiles() []string {
	var list []string
	if t.c.Last == nil {
		return nil
	}
	for _, f := range t.c.Last.Files {
		if _, ok := t.c.Want.FileAt(f.Path); !ok {
			list = append(list, f.Path)
		}
	}
	return list
}

// restoreFiles puts back what setFiles put aside, where that is what the
// container ran on: the run may have mounted other layers, and what lies in those
// goes with them.
func (t *task) restoreFiles(ctx context.Context) error {
	if t.c.Last == nil {
		return nil
	}
	root := resource.RootOf(t.c.Last.Named(t.at))
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err == nil && !live.State.Up() {
		err = t.host.Roots.Mount(ctx, root)
	}
	if errors.Is(err, resource.ErrMounted) {
		return nil
	}
	if err != nil {
		return err
	}
	changed, err := t.host.Roots.RestoreFiles(root, t.host.Store.KeptFiles(t.at))
	if err != nil {
		return err
	}
	_ = t.tell(ctx, changed) // what can't be told now could not be told before: the files are back
	return nil
}

// tell has services read the files that changed, each of them once.
func (t *task) tell(ctx context.Context, changed []string) error {
	type word struct{ verb, unit string }
	var words []word
	for _, path := range changed {
		f, ok := t.c.Want.FileAt(path)
		if !ok {
			f, _ = t.c.Last.FileAt(path)
		}
		if verb, unit := f.Unit(); unit != "" && !slices.Contains(words, word{verb, unit}) {
			words = append(words, word{verb, unit})
		}
	}
	if len(words) == 0 {
		return nil
	}
	return t.whileUp(ctx, func() error {
		if err := t.host.Containers.Reload(ctx, t.at); err != nil { // a file may be a unit's own
			return err
		}
		for _, w := range words {
			if err := t.host.Units.Tell(ctx, t.at, w.verb, w.unit); err != nil {
				return fmt.Errorf("on_change %s:%s: %w", w.verb, w.unit, err)
			}
		}
		return nil
	})
}
