package reconcile

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// How says how a plan is run.
type How struct {
	Approve    func(plan.Plan) error // required: asked before anything is changed; its error ends the run
	Parallel   int
	Atomic     bool
	NoRollback bool
	Confirm    time.Duration // taken back unless confirmed within; 0: it stays

	back bool // the way back of a run that was not confirmed: it proves nothing, and nothing more is held
}

// Outcome is how a run ended; it is also its record.
type Outcome struct {
	Run     apply.Run      `json:"run"`
	Stack   int            `json:"stack_generation,omitempty"` // 0: none was made
	Results []apply.Result `json:"results,omitempty"`
	Error   string         `json:"error,omitempty"`
	Empty   bool           `json:"empty,omitempty"` // there was nothing to do

	Awaiting *Trial `json:"awaiting,omitempty"` // it is taken back unless it is confirmed
}

// Apply plans the wish, has it approved and carries it out.
func (e *Engine) Apply(ctx context.Context, w Wish, how How) (Outcome, error) {
	return e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) {
		p, err := e.Plan(ctx, w)
		if err != nil {
			return p, e.unplanned(w, err)
		}
		return p, e.notSuspended(p)
	})
}

// ApplyPlan carries out a saved plan, or refuses: ErrStale.
func (e *Engine) ApplyPlan(ctx context.Context, p plan.Plan, how How) (Outcome, error) {
	return e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) { return e.saved(ctx, p) })
}

// saved is a plan that was made before, if it can be carried out now.
func (e *Engine) saved(ctx context.Context, p plan.Plan) (plan.Plan, error) {
	if err := e.reread(&p); err != nil {
		return p, err
	}
	if err := e.fresh(ctx, p); err != nil {
		return p, err
	}
	return p, e.notSuspended(p)
}

// carry is the one way from a plan to a changed host.
func (e *Engine) carry(ctx context.Context, kind generations.Kind, how How, make func() (plan.Plan, error)) (Outcome, error) {
	var out Outcome
	err := e.workKnown(ctx, func() error {
		p, err := make()
		if err != nil {
			return err
		}
		if kind != generations.Rollback { // the operator may always go back
			if err := e.confirmed(p); err != nil {
				return err
			}
		}
		if how.Confirm > 0 {
			if err := confirmable(p); err != nil {
				return err
			}
		}
		if err := how.Approve(p); err != nil {
			return err
		}
		if p.Empty() {
			out.Empty = true
			if err := e.remember(p); err != nil || kind != generations.Apply {
				return err
			}
			out.Stack, err = e.catchUp(p)
			return err
		}
		out, err = e.execute(ctx, kind, p, how)
		return err
	})
	return out, err
}

// fresh says whether everything is still as a plan was made for, and nobody
// else has taken what it needs since.
func (e *Engine) fresh(ctx context.Context, p plan.Plan) error {
	basis, err := e.ledgerBasis()
	if err != nil {
		return err
	}
	if basis != p.Basis {
		return ErrStale
	}
	in, err := e.look(ctx)
	if err != nil {
		return err
	}
	now := in
	adopting, err := e.stillFound(p, &in)
	if err != nil {
		return err
	}
	var ask []subject
	for _, c := range p.Containers {
		if in.standing[c.Stands()].Generation != c.From {
			return fmt.Errorf("%w (%s is at another generation)", ErrStale, c.Name)
		}
		last := c.Last
		if found, ok := in.found[c.Name]; ok {
			last = &found
		}
		ask = append(ask, subjectOf(c.Stands(), last, c.Want))
	}
	seen, err := e.observeAll(ctx, in, ask)
	if err != nil {
		return err
	}
	for _, c := range p.Containers {
		have := seen[c.Stands()]
		have.Text = adopting[c.Name]
		if have.Basis() != c.Basis {
			return fmt.Errorf("%w (%s is not as it was)", ErrStale, c.Name)
		}
	}
	return e.room(ctx, p, now, nowhere)
}

// runOf is the attempt at a plan.
func (e *Engine) runOf(kind generations.Kind, p plan.Plan) apply.Run {
	run := e.run(kind, p.Stack)
	run.Origin, run.Commit, run.Message = p.Origin, p.Commit, p.Message
	return run
}

// execute makes ready what containers need, runs the plan and records it.
func (e *Engine) execute(ctx context.Context, kind generations.Kind, p plan.Plan, how How) (Outcome, error) {
	run := e.runOf(kind, p)
	return e.aloud(ctx, run, p, func(out Outcome) (Outcome, error) { return e.carryOut(ctx, out, p, how) })
}

// aloud does the work of a run, and tells of its begin and its end.
func (e *Engine) aloud(ctx context.Context, run apply.Run, p plan.Plan, work func(Outcome) (Outcome, error)) (Outcome, error) {
	out := Outcome{Run: run}
	if slices.ContainsFunc(p.Acting(), plan.ContainerPlan.Starts) {
		defer e.warm(ctx)()
	}
	if names := touched(p); len(names) > 0 {
		e.Sight.forget(names...)
		defer e.Sight.forget(names...)
	}
	if err := e.State.Begin(run.ID); err != nil {
		return out, stands(p, err)
	}
	e.Tell(tale(run, event.Begun, nil))
	out, err := work(out)
	e.Tell(tale(run, ending(err), err))
	return out, err
}

// touched are the names of all containers that a run has to do with.
func touched(p plan.Plan) (names []string) {
	for _, c := range p.Acting() {
		names = append(names, c.Name)
		if c.Was != "" {
			names = append(names, c.Was)
		}
	}
	return names
}

// tale is an event of a whole run.
func tale(run apply.Run, outcome event.Outcome, err error) event.Event {
	e := event.Event{Kind: event.Run, Outcome: outcome, Run: run.ID, Command: string(run.Kind), By: run.By, Stack: run.Stack, Commit: run.Commit, Message: run.Message}
	if err != nil {
		e.Error = err.Error()
	}
	return e
}

// ending is the word for how a run ended.
func ending(err error) event.Outcome {
	switch {
	case err == nil:
		return event.Done
	case errors.Is(err, apply.ErrStuck):
		return event.Stuck
	case errors.Is(err, apply.ErrRolledBack):
		return event.Undone
	}
	return event.Failed
}

// carryOut is the run itself.
func (e *Engine) carryOut(ctx context.Context, out Outcome, p plan.Plan, how How) (Outcome, error) {
	run, kind := out.Run, out.Run.Kind
	if err := e.ready(ctx, &p); err != nil {
		return e.unbegun(out, p, err)
	}
	standing, err := e.guarded()
	if err != nil {
		return out, err
	}
	networks, err := e.allNetworks()
	if err != nil {
		return out, err
	}
	if how.Confirm > 0 {
		if err := e.try(p, run, how.Confirm); err != nil {
			return out, err
		}
		e.Crash.Point()
	}
	results, err := apply.Execute(ctx, e.acting(), p, run, apply.Options{
		Parallel: how.Parallel, Atomic: how.Atomic, NoRollback: how.NoRollback, Unproven: how.back, Crash: e.Crash, Event: e.Tell,
		Standing: standing, Networks: networks,
	})
	errs := []error{err, e.remember(p)}
	if err == nil {
		let, err := e.letGo(ctx, p)
		results, errs = append(results, let...), append(errs, err)
	}
	out.Results = results
	if applied(results) || err == nil {
		errs = append(errs, together(
			func() (err error) { out.Stack, err = e.recordStack(run, p); return err },
			func() error {
				if how.back {
					return nil
				}
				return e.holdLeft(kind, p, run, results)
			},
		))
	}
	e.lower(ctx, p, results)
	errs = append(errs, e.unused(p, results))
	errs = append(errs, e.forget(p, results), e.purge(), e.regained(ctx, p, results))
	if how.Confirm > 0 {
		out.Awaiting, err = e.await(ctx, p, run, results)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		out.Error = err.Error()
	}
	errs = append(errs, e.State.SetRun(run.ID, out), e.State.End())
	err = errors.Join(errs...)
	if err != nil && applied(results) {
		err = changed{err}
	}
	return out, err
}

// changed is an error of a run that did change something.
type changed struct{ error }

func (c changed) Unwrap() error        { return c.error }
func (c changed) Is(target error) bool { return target == ErrChanged }

func applied(results []apply.Result) bool {
	return slices.ContainsFunc(results, func(r apply.Result) bool { return r.Outcome == "applied" })
}

// ready does what may be done before anything runs: choices written down, ids
// granted, images fetched. Nothing of it changes a container.
func (e *Engine) ready(ctx context.Context, p *plan.Plan) error {
	if err := e.fetch(ctx, p); err != nil {
		return err
	}
	if err := errors.Join(e.keepSecrets(p), e.keepContents(*p)); err != nil {
		return err
	}
	if p.Choices.Version != 0 && resource.Digest(p.Choices) != p.Basis {
		if err := e.State.SetLedger(p.Choices); err != nil {
			return err
		}
	}
	e.Crash.Point()
	if err := e.buildLayers(ctx, p); err != nil {
		return err
	}
	if e.Self != "" {
		if err := e.State.KeepBinary(e.Self); err != nil {
			return err
		}
	}
	for _, c := range p.Acting() {
		if c.Want == nil || c.Want.IDMap.Privileged || c.Want.Image.Adopted() {
			continue
		}
		if err := e.Host.Subids.Grant(resource.IDRange{Base: c.Want.IDMap.Base, Size: c.Want.IDMap.Size}); err != nil {
			return err
		}
	}
	return nil
}

// fetch gets the images that the plan's containers are made of, and fills in
// what only a fetched image tells.
func (e *Engine) fetch(ctx context.Context, p *plan.Plan) error {
	got := map[string]resource.Image{}
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.Want == nil || !c.Acts() || c.Want.Image.Adopted() {
			continue
		}
		key := c.Want.Image.Key()
		if _, ok := got[key]; !ok {
			img, err := e.Host.Images.Ensure(ctx, c.Want.Image, e.progress)
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%w: %w", ErrNoImage, err)
			}
			if err != nil {
				return unready{madeOf(*p, key), fmt.Errorf("image %s: %w", c.Want.Image.Source, err)}
			}
			got[key] = img
		}
		if now := got[key]; !reflect.DeepEqual(c.Want.Image, now) {
			c.Want.Image = now
			*c.Want = c.Want.Layered()
			c.Digest = resource.Digest(c.Want)
		}
		if err := knowsUnits(*c); err != nil {
			return err
		}
	}
	return nil
}

// madeOf are the containers that a plan makes of an image.
func madeOf(p plan.Plan, key string) (names []string) {
	for _, c := range p.Acting() {
		if c.Want != nil && c.Want.Image.Key() == key {
			names = append(names, c.Name)
		}
	}
	return names
}
