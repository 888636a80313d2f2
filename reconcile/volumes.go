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
			if m.Volume == "" || m.Size != 0 || seen[m.Volume] {
				continue
			}
			seen[m.Volume] = true
			if why := missing(m.Source); why != "" {
				errs = append(errs, fmt.Errorf("%w: volume %s: %s (%s)", ErrInvalid, m.Volume, why, at[m.Volume]))
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
