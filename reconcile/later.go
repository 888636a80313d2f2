package reconcile

import (
	"errors"
	"fmt"

	"strake/reconcile/plan"
)

// refuseLater refuses a plan with settings that nothing carries out yet: to
// apply the rest would be to pass them over in silence.
func refuseLater(p plan.Plan) error {
	var errs []error
	for _, n := range p.Networks {
		errs = append(errs, notYet("network "+n.Name, n.Later))
	}
	for _, c := range p.Containers {
		errs = append(errs, notYet("container "+c.Name, c.Later))
	}
	return errors.Join(errs...)
}

func notYet(what string, list []plan.Later) error {
	var errs []error
	for _, l := range list {
		errs = append(errs, fmt.Errorf("%w: %s: %s can't be carried out by this version (%s)", ErrInvalid, what, l.Path, l.Pos))
	}
	return errors.Join(errs...)
}
