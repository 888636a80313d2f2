package reconcile

import (
	"errors"
	"fmt"
	"slices"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// observeFiles adds what really lies where files are known of.
func (e *Engine) observeFiles(s subject, o *resource.Observed) error {
	var known []resource.File
	for _, c := range s.known {
		known = append(known, c.Files...)
	}
	if len(known) == 0 {
		return nil
	}
	var err error
	o.Have.Files, err = e.Host.Roots.Files(o.Init, s.name, o.Have.IDMap, known)
	if errors.Is(err, resource.ErrNotMounted) {
		return nil // the writable layer shows as missing, and a restart mends all
	}
	return err
}

// contents are what the plan's containers need of what the text holds.
func contents(p plan.Plan, all map[string]string) map[string]string {
	need := map[string]string{}
	for _, c := range p.Acting() {
		for _, d := range digestsOf(c.Want) {
			if text, ok := all[d]; ok {
				need[d] = text
			}
		}
	}
	return need
}

// digestsOf are the contents that stand in a record by their digest.
func digestsOf(c *resource.Container) []string {
	if c == nil {
		return nil
	}
	files := c.Files
	if c.System != nil {
		files = slices.Concat(files, c.System.Files)
	}
	var list []string
	for _, f := range files {
		if f.Digest != "" {
			list = append(list, f.Digest)
		}
	}
	return list
}

// keepContents writes down what files hold, before anything needs it.
func (e *Engine) keepContents(p plan.Plan) error {
	for digest, text := range p.Contents {
		if err := e.State.KeepContent(digest, text); err != nil {
			return err
		}
	}
	return nil
}

// systemdHalt is the signal that only systemd takes for a wish to shut down.
const systemdHalt = "SIGRTMIN+3"

// knowsUnits refuses files that are to be told to units of an init that has
// none. What the init is shows once the image is there.
func knowsUnits(c plan.ContainerPlan) error {
	if c.Want == nil || !c.Acts() || c.Want.Image.Halt == "" || c.Want.Image.Halt == systemdHalt {
		return nil
	}
	for _, f := range c.Want.Files {
		if _, unit := f.Unit(); unit != "" {
			return fmt.Errorf("%w: container %s: file %s: on_change = %q: only systemd knows units, and the init of %s is another one; write \"restart\" or \"none\"",
				ErrInvalid, c.Name, f.Path, f.OnChange, c.Want.Image.Source)
		}
	}
	return nil
}

// uselessContents are the kept ones that no generation has.
func (e *Engine) uselessContents() ([]string, error) {
	list, err := e.State.Contents()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	used := map[string]bool{}
	err = e.eachRecorded(func(c *resource.Container) {
		for _, d := range digestsOf(c) {
			used[d] = true
		}
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(d string) bool { return used[d] }), nil
}

func unitless(p plan.Plan) error {
	var errs []error
	for _, c := range p.Containers {
		errs = append(errs, knowsUnits(c))
	}
	return errors.Join(errs...)
}
