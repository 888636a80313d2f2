package reconcile

import (
	"errors"
	"fmt"
	"os"

	"strake/reconcile/plan"
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
	missing := map[string]error{}
	for _, c := range p.Containers {
		if c.Want == nil || !c.Acts() {
			continue
		}
		for _, m := range c.Want.Mounts {
			if m.Volume == "" || m.Size != 0 || missing[m.Volume] != nil {
				continue
			}
			info, err := os.Stat(m.Source)
			switch {
			case errors.Is(err, os.ErrNotExist):
				missing[m.Volume] = fmt.Errorf("%w: volume %s: there is no folder %s (%s); make it, or mount what it should be", ErrInvalid, m.Volume, m.Source, at[m.Volume])
			case err != nil:
				missing[m.Volume] = fmt.Errorf("%w: volume %s: %w (%s)", ErrInvalid, m.Volume, err, at[m.Volume])
			case !info.IsDir():
				missing[m.Volume] = fmt.Errorf("%w: volume %s: %s is not a folder (%s)", ErrInvalid, m.Volume, m.Source, at[m.Volume])
			}
		}
	}
	var errs []error
	for _, v := range w.Stack.Volumes {
		errs = append(errs, missing[v.Name])
	}
	return errors.Join(errs...)
}
