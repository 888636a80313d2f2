package reconcile

import (
	"context"
	"fmt"

	"strake/generations"
	"strake/reconcile/plan"
)

// Destruction says how far a container goes.
type Destruction struct {
	Force bool // also while it runs
	Purge bool // delete at once instead of keeping it in the attic

	Volumes bool // with the data of its volumes; wants Purge
}

// Destroy retires a container: stopped, kept for a while, its name and
// addresses free. Purge deletes it and all its generations.
func (e *Engine) Destroy(ctx context.Context, name string, d Destruction, how How) (Outcome, error) {
	return e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) { return e.planDestroy(ctx, name, d) })
}

func (e *Engine) planDestroy(ctx context.Context, name string, d Destruction) (plan.Plan, error) {
	c, err := e.current(name)
	if err != nil {
		return plan.Plan{}, err
	}
	if c.Protect {
		return plan.Plan{}, fmt.Errorf("%w: container %s is protected: take lifecycle.protect off and apply that first", ErrPolicy, name)
	}
	in, err := e.look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	subject := plan.Subject{Name: name, Removed: "retire"}
	if d.Purge {
		subject.Removed = "purge"
	}
	list, err := e.observed(ctx, in, []plan.Subject{subject})
	if err != nil {
		return plan.Plan{}, err
	}
	if list[0].Have.State.Up() && !d.Force {
		return plan.Plan{}, fmt.Errorf("%w: container %s is running: stop it first, or say --force", ErrPolicy, name)
	}
	p := plan.Compute(plan.Input{Stack: in.standing[name].Record.Stack, Source: "destroy", Subjects: list})
	if s, ok, err := e.State.Stack(p.Stack); err == nil && ok {
		p.Origin = s.Origin
	}
	if d.Volumes {
		if p.Containers[0].Volumes, err = e.disposable(name, c, d); err != nil {
			return p, err
		}
	}
	p.Basis, err = e.ledgerBasis()
	return p, err
}

// purge deletes what was retired only to be deleted, by this run or by one that
// was cut short.
func (e *Engine) purge() error {
	list, err := e.State.Attic()
	for _, r := range list {
		if err != nil || !r.Doomed {
			continue
		}
		if err = e.dropVolumes(r); err == nil {
			err = e.State.Purge(r)
		}
	}
	if err != nil {
		return err
	}
	return e.dropSecrets()
}
