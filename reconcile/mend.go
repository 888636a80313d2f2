package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// driftSubject is a plan subject that wants what the container is made of already:
// what differs is drift, or waits for a restart.
func (e *Engine) driftSubject(in scene, name string, most spec.Impact) (plan.Subject, error) {
	s, err := e.statusSubject(in, name)
	if err != nil {
		return s, err
	}
	s.Held = nil // a hold is on what was left, not on what is in use
	s.Drift, s.Most, s.Stack = true, most, in.standing[name].Record.Stack
	return s, nil
}

// ownSubjects are the networks of all stacks as those have them.
func (e *Engine) ownSubjects(in scene) ([]plan.NetworkSubject, error) {
	networks, err := e.allNetworks()
	if err != nil {
		return nil, err
	}
	have := map[string]resource.Network{}
	for _, n := range in.networks {
		have[n.Bridge] = n
	}
	var list []plan.NetworkSubject
	for _, n := range networks {
		s := plan.NetworkSubject{Name: n.Name, Want: &n, Last: &n}
		if h, ok := have[n.Bridge]; ok {
			s.Have, s.Damaged, s.Misled = &h, damage(in, h), misled(in, h)
		}
		list = append(list, s)
	}
	return list, nil
}

// mend carries a plan out that brings back what is on record. It activates
// nothing and makes no generation.
func (e *Engine) mend(ctx context.Context, kind generations.Kind, p plan.Plan, parallel int) (Outcome, error) {
	return e.aloud(ctx, e.run(kind, p.Stack), p, func(out Outcome) (Outcome, error) { return e.mendAll(ctx, out, p, parallel) })
}

func (e *Engine) mendAll(ctx context.Context, out Outcome, p plan.Plan, parallel int) (Outcome, error) {
	run := out.Run
	lost := e.regain(ctx, &p)
	standing, err := e.guarded()
	if err != nil {
		return out, err
	}
	networks, err := e.allNetworks()
	if err != nil {
		return out, err
	}
	out.Results, err = apply.Execute(ctx, e.acting(), p, run, apply.Options{
		Parallel: parallel, Crash: e.Crash, Event: e.Tell, Standing: standing, Networks: networks,
	})
	out.Results = append(out.Results, lost...)
	for _, r := range lost {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out, errors.Join(err, e.State.SetRun(run.ID, out), e.State.End())
}

// regain makes ready what the starts of the plan need and takes those out that
// it can't be done for: the others have nothing to do with it.
func (e *Engine) regain(ctx context.Context, p *plan.Plan) (lost []apply.Result) {
	p.Containers = slices.DeleteFunc(slices.Clone(p.Containers), func(c plan.ContainerPlan) bool {
		if !c.Starts() {
			return false
		}
		err := e.regainOne(ctx, *c.Want)
		if err != nil {
			lost = append(lost, apply.Result{Name: c.Name, From: c.From, To: c.From, Outcome: "failed", Err: err, Error: err.Error()})
		}
		return err != nil
	})
	return lost
}

func (e *Engine) regainOne(ctx context.Context, c resource.Container) error {
	if err := e.allKept(c); err != nil {
		return err
	}
	if err := e.regainImage(ctx, c); err != nil {
		return err
	}
	return e.regainLayers(ctx, c)
}

// settling is how long a container is given that is neither up nor down.
const settling = 300 * time.Millisecond

// between says whether a container is on its way up or down.
func between(s resource.State) bool {
	return s != "" && s != resource.Stopped && !s.Up()
}
