package reconcile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// volumes refuses volumes whose folders are not there, before the container
// is stopped for one. Nobody but their owner makes them: an empty folder in
// place of a file system that is not mounted would look like lost data.
func volumes(w Wish, p plan.Plan) error {
	at := map[string]spec.Pos{}
	for _, v := range w.Stack.Volumes {
		at[v.Name] = v.At["path"]
	}
	seen := map[string]bool{}
	var errs []error
	for _, c := range p.Containers {
		if c.Want == nil || !c.Acts() {
			continue
		}
		for _, m := range c.Want.Mounts {
			if m.Volume != "" && c.Want.Image.Adopted() {
				errs = append(errs, fmt.Errorf("%w: container %s: an adopted container can't have volumes: its mounts are LXC's; write source in place of volume", ErrInvalid, c.Name))
				continue
			}
			if m.Volume == "" || seen[m.Volume] {
				continue
			}
			seen[m.Volume] = true
			folder := m.Source
			if m.Size > 0 {
				folder = filepath.Dir(folder)
			}
			if why := missing(folder); why != "" {
				errs = append(errs, fmt.Errorf("%w: volume %s: %s (%s)", ErrInvalid, m.Volume, why, at[m.Volume]))
			}
		}
	}
	return errors.Join(errs...)
}

// unused unmounts the file systems of volumes that no container is left to use.
func (e *Engine) unused(p plan.Plan, results []apply.Result) error {
	var gone []resource.Mount
	for _, c := range p.Containers {
		if c.Want == nil && c.Last != nil && resultOf(results, c.Name).Outcome == "applied" {
			gone = append(gone, c.Last.Mounts...)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	standing, err := e.guarded()
	if err != nil {
		return err
	}
	for _, m := range gone {
		uses := func(c resource.Container) bool {
			return slices.ContainsFunc(c.Mounts, func(o resource.Mount) bool { return o.Source == m.Source })
		}
		if m.Size > 0 && !slices.ContainsFunc(standing, uses) {
			if err := e.Host.Disks.Detach(m.Source); err != nil {
				return err
			}
		}
	}
	return nil
}

// smaller refuses file systems that would have to shrink: ext4 can't while it
// is mounted, and what is in it might not fit.
func smaller(p plan.Plan) error {
	var errs []error
	refuse := func(c plan.ContainerPlan, what string, was, is int64) {
		if 0 < is && is < was {
			errs = append(errs, fmt.Errorf("%w: container %s: %s has %s and gets no smaller; write at least that, or copy what it holds into a new one",
				ErrInvalid, c.Name, what, resource.Bytes(was)))
		}
	}
	for _, c := range p.Containers {
		if c.Want == nil || c.Last == nil {
			continue
		}
		refuse(c, "rootfs.size", c.Last.Rootfs.Size, c.Want.Rootfs.Size)
		for _, m := range c.Want.Mounts {
			for _, old := range c.Last.Mounts {
				if m.Source == old.Source {
					refuse(c, "volume "+m.Volume, old.Size, m.Size)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// missing says why there is no folder at path, or nothing.
func missing(path string) string {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "there is no folder " + path + "; make it, or mount what it should be"
	case err != nil:
		return err.Error()
	case !info.IsDir():
		return path + " is not a folder"
	}
	return ""
}
