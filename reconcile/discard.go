package reconcile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
	"strake/spec"
)

func volumeOf(v spec.Volume) resource.Volume {
	return resource.Volume{Name: v.Name, Path: filepath.Clean(v.Path), Size: v.Size, Protect: v.Protect}
}

// volumePlans compares the text's volumes with what is recorded of them.
func (e *Engine) volumePlans(w Wish) []plan.VolumePlan {
	last := e.lastStack(w.Stack.Name).Volumes
	var list []plan.VolumePlan
	for _, v := range w.Stack.Volumes {
		var was *resource.Volume
		if i := slices.IndexFunc(last, func(o resource.Volume) bool { return o.Name == v.Name }); i >= 0 {
			was = &last[i]
		}
		pos, said := v.At["protect"]
		if !said {
			pos = v.Pos
		}
		list = append(list, plan.Volume(volumeOf(v), was, pos))
	}
	return list
}

// stackVolumes are the volumes that the stack has after the plan. One that is protected
// stays so when its block goes: only a block that says otherwise lifts that.
func (e *Engine) stackVolumes(p plan.Plan) []resource.Volume {
	var list []resource.Volume
	for _, v := range p.Volumes {
		list = append(list, v.Want)
	}
	for _, old := range e.lastStack(p.Stack).Volumes {
		said := slices.ContainsFunc(list, func(v resource.Volume) bool { return v.Name == old.Name })
		if !said && (old.Protect || len(p.Volumes) == 0) { // a plan that is of no text says nothing of volumes
			list = append(list, old)
		}
	}
	slices.SortFunc(list, func(a, b resource.Volume) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// disposable are the volumes that go with a container, or why they may not.
func (e *Engine) disposable(name string, c resource.Container, d Destruction) ([]resource.Volume, error) {
	if !d.Purge {
		return nil, fmt.Errorf("%w: --with-volumes deletes their data for good, and the attic is to bring containers back: say --purge, too", ErrPolicy)
	}
	var list []resource.Volume
	for _, m := range c.Mounts {
		v := resource.Volume{Name: m.Volume, Path: m.Source, Size: m.Size}
		if m.Size > 0 {
			v.Path = filepath.Dir(m.Source)
		}
		if m.Volume == "" || slices.Contains(list, v) {
			continue
		}
		if err := e.unneeded(name, v); err != nil {
			return nil, fmt.Errorf("%w: volume %s: %w", ErrPolicy, v.Name, err)
		}
		list = append(list, v)
	}
	return list, nil
}

// unneeded says why a volume has to stay. What can't be read may need it.
func (e *Engine) unneeded(name string, v resource.Volume) error {
	stacks, err := e.State.Stacks()
	if err != nil {
		return err
	}
	for _, s := range stacks {
		for _, o := range e.lastStack(s).Volumes {
			if related(o.Path, v.Path) && o.Protect {
				return fmt.Errorf("it is protected by stack %s: apply protect = false for it first", s)
			}
			if related(o.Path, v.Path) && o.Path != v.Path {
				return fmt.Errorf("volume %s shares its folder", o.Name)
			}
		}
	}
	users, err := e.uses(nil, func(c *resource.Container) []string {
		if slices.ContainsFunc(c.Mounts, func(m resource.Mount) bool { return related(m.Source, v.Path) }) {
			return []string{v.Path}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, u := range users[v.Path] {
		if u.Container != name || u.Standing != "" {
			return fmt.Errorf("generations of others use it, too: %s", u)
		}
	}
	return e.deletable(v)
}

// deletable refuses what is not a folder of the file system around it.
func (e *Engine) deletable(v resource.Volume) error {
	info, err := os.Lstat(v.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is no folder; delete what it leads to by hand", v.Path)
	}
	list, err := e.Host.Disks.Below(v.Path)
	if err != nil {
		return err
	}
	for _, at := range list {
		if v.Size == 0 || at != resource.InDisk(v.Path) {
			return fmt.Errorf("something is mounted at %s; unmount it first", at)
		}
	}
	return nil
}

// related says whether one path is the other, or in it.
func related(a, b string) bool {
	a, b = filepath.Clean(a)+"/", filepath.Clean(b)+"/"
	return strings.HasPrefix(a, b) || strings.HasPrefix(b, a)
}

// dropVolumes deletes what goes with a container that was purged. All is moved
// aside first: a folder that somebody makes under the old name while this was cut
// short is not meant.
func (e *Engine) dropVolumes(r state.Retired) error {
	list, moved, err := e.State.DoomedVolumes(r)
	if err != nil || len(list) == 0 {
		return err
	}
	if !moved {
		for _, v := range list {
			if err := e.moveAside(v, r.Run); err != nil {
				return fmt.Errorf("delete volume %s: %w", v.Name, err)
			}
			e.Crash.Point()
		}
		if err := e.State.MovedVolumes(r); err != nil {
			return err
		}
	}
	for _, v := range list {
		if err := os.RemoveAll(asideOf(v, r.Run)); err != nil {
			return fmt.Errorf("delete volume %s: %w", v.Name, err)
		}
		if v.Size > 0 {
			_ = os.Remove(v.Path) // what else is in it is not the volume's
		}
		e.Crash.Point()
	}
	return nil
}

func (e *Engine) moveAside(v resource.Volume, run string) error {
	what := v.Path
	if v.Size > 0 {
		if err := e.Host.Disks.Detach(resource.InDisk(v.Path)); err != nil {
			return err
		}
		what = resource.Mount{Source: resource.InDisk(v.Path)}.Disk().File
	}
	if _, err := os.Lstat(asideOf(v, run)); err == nil {
		return nil
	}
	if err := os.Rename(what, asideOf(v, run)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func asideOf(v resource.Volume, run string) string {
	if v.Size > 0 {
		return filepath.Join(v.Path, ".gone-"+run)
	}
	return v.Path + ".gone-" + run
}
