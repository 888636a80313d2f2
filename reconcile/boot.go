package reconcile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// betweenMost is how long a boot waits for containers that others are just bringing
// up or down.
const betweenMost = 10 * time.Second

// Boot brings up, after the host did, what starts by itself: in the generation
// that is in use, after what it needs, and healthy before who needs it. Runs and
// deadlines that the host's end cut short are resolved first, so that it is the right
// generation. What is up already is left as it is, and so is what the operator has
// stopped.
func (e *Engine) Boot(ctx context.Context, parallel int) (Outcome, error) {
	var out Outcome
	err := e.work(ctx, func() error {
		in, err := e.settled(ctx)
		if err != nil {
			return err
		}
		p, err := e.planBoot(ctx, in)
		if err != nil {
			return err
		}
		if p.Empty() {
			out.Empty = true
			return e.State.SetBooted()
		}
		out, err = e.mend(ctx, generations.Boot, p, parallel)
		return errors.Join(err, e.State.SetBooted())
	})
	return out, err
}

// BootOnce is Boot where nobody has done so since the host came up, as the agent's
// start has to know: what went down since then is drift, and has a policy.
func (e *Engine) BootOnce(ctx context.Context, parallel int) (Outcome, error) {
	switch booted, noted := e.State.Booted(); {
	case !booted:
		return e.Boot(ctx, parallel)
	case !noted: // as the boot unit does at this very moment, when both are new
		return Outcome{Empty: true}, e.work(ctx, e.State.SetBooted)
	}
	return Outcome{Empty: true}, nil
}

// settled looks when no container is on its way any more.
func (e *Engine) settled(ctx context.Context) (scene, error) {
	late := time.Now().Add(betweenMost)
	for {
		in, err := e.look(ctx)
		if err != nil || time.Now().After(late) || !slices.ContainsFunc(slices.Collect(maps.Values(in.states)), between) {
			return in, err
		}
		select {
		case <-ctx.Done():
			return in, ctx.Err()
		case <-time.After(settling):
		}
	}
}

// planBoot has the networks of all stacks, and the containers that are down and
// should not be.
func (e *Engine) planBoot(ctx context.Context, in scene) (plan.Plan, error) {
	var subjects []plan.Subject
	for _, name := range slices.Sorted(maps.Keys(in.standing)) {
		if !boots(in.standing[name].Container) || in.states[name].Up() {
			continue
		}
		s, err := e.driftSubject(in, name, spec.Live)
		if err != nil {
			return plan.Plan{}, err
		}
		if s.Stopped || s.Failed {
			continue
		}
		s.Paused = "" // that is about changes; lxc-autostart knows nothing of it
		s.Have, err = e.observe(ctx, in, subjectOf(name, s.Last))
		if err != nil {
			return plan.Plan{}, err
		}
		if ours(s) == nil && !s.Have.State.Up() {
			subjects = append(subjects, s)
		}
	}
	networks, err := e.ownSubjects(in)
	return plan.Compute(plan.Input{Source: "generations", Subjects: subjects, Networks: networks}), err
}

// boots says whether a container starts with the host: as lxc-autostart has it
// where lxc.service calls it, which takes those of no group and of "onboot".
func boots(c resource.Container) bool {
	return c.Running && c.Autostart.Enabled && (c.Autostart.Group == "" || c.Autostart.Group == "onboot")
}
