package reconcile

import (
	"errors"
	"fmt"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// sizable refuses sizes that this host can't hold anything to, before anything is
// begun.
func (e *Engine) sizable(p plan.Plan, at func(name, path string) spec.Pos) error {
	var errs []error
	for _, c := range p.Containers {
		if c.Want == nil {
			continue
		}
		root := resource.RootDisk(e.State.Folder(c.Name), c.Want.Rootfs.Size)
		if err := e.Host.Disks.Able(root); err != nil {
			errs = append(errs, fmt.Errorf("%w: %scontainer %s: rootfs: size: %w", ErrInvalid, place(at(c.Name, "rootfs.size")), c.Name, err))
		}
		for _, m := range c.Want.Mounts {
			if m.Size == 0 {
				continue
			}
			if err := e.Host.Disks.Able(m.Disk()); err != nil {
				errs = append(errs, fmt.Errorf("%w: %scontainer %s: mount %s: the size of its volume: %w", ErrInvalid, place(at(c.Name, resource.Labelled("mount", m.Target))), c.Name, m.Target, err))
			}
		}
	}
	return errors.Join(errs...)
}
