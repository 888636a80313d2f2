package reconcile

import (
	"errors"
	"fmt"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// guardPrune refuses what looks more like a mistake than like a wish.
func guardPrune(w Wish, p plan.Plan) error {
	var gone, members int
	for _, c := range p.Containers {
		if c.Last != nil {
			members++
		}
		if c.Action == plan.Retire && c.Removed == "" {
			gone++
		}
	}
	if err := guardProtected(p); err != nil {
		return err
	}
	switch {
	case gone > 0 && len(w.Stack.Unmatched) > 0:
		return fmt.Errorf("%w: %s includes %q, which no file fits, and --prune would retire %d; take the include out, or use `strake destroy` for what you mean", ErrPolicy, w.Source, w.Stack.Unmatched[0], gone)
	case gone > 0 && len(w.Stack.Containers) == 0:
		return fmt.Errorf("%w: %s has no containers at all, and --prune would retire all %d; use `strake destroy` for what you mean", ErrPolicy, w.Source, gone)
	case gone > 1 && gone*4 > members:
		return fmt.Errorf("%w: --prune would retire %d of %d containers, more than a quarter; use `strake destroy` for what you mean", ErrPolicy, gone, members)
	}
	return nil
}

// guardProtected refuses what lifecycle.protect is there against. It counts as
// it was applied last: taking the block away does not lift it.
func guardProtected(p plan.Plan) error {
	for _, c := range p.Containers {
		if (c.Action == plan.Retire || c.Action == plan.Recreate) && c.Last != nil && c.Last.Protect {
			return fmt.Errorf("%w: container %s is protected: take lifecycle.protect off and apply that first", ErrPolicy, c.Name)
		}
	}
	return nil
}

// acceptable asks liblxc whether it takes the configurations that are new.
func (e *Engine) acceptable(p plan.Plan) error {
	var errs []error
	var who []string
	for _, c := range p.Containers {
		if !c.New || c.Want == nil || len(c.Want.Raw) == 0 {
			continue
		}
		files, err := e.State.Render(*c.Want)
		if err != nil {
			return err
		}
		if err := e.Host.Containers.Check(string(files["lxc.conf"])); err != nil {
			errs, who = append(errs, fmt.Errorf("%w: container %s: %w", ErrInvalid, c.Name, err)), append(who, c.Name)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return unready{who, errors.Join(errs...)}
}

// ledgerBasis identifies the choices that a plan was made with.
func (e *Engine) ledgerBasis() (string, error) {
	led, err := e.State.Ledger()
	return resource.Digest(led), err
}
