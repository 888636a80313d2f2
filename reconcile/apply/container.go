package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"strake/generations"
	"strake/reconcile/event"
	"strake/reconcile/plan"
)

// container goes through all steps of one of them, or back.
func (r *runner) container(ctx context.Context, c plan.ContainerPlan) Result {
	t := r.task(c)
	r.mu.Lock()
	r.tasks[c.Name] = t
	r.mu.Unlock()
	r.event(c.Name, "", event.Begun, nil)
	err := t.begin()
	r.opt.Crash.Point()
	last := -1
	var away time.Time // since when the container is down
	for i, s := range c.Steps {
		if err == nil {
			err = canceled(ctx)
		}
		if err != nil {
			break
		}
		last = i
		r.event(c.Name, s.Do, event.Begun, nil)
		if s.Do == plan.DoStop && c.Have.State.Up() {
			away = time.Now()
		}
		if s.Do == plan.DoStart || s.NIC != "" {
			err = r.guard()
		}
		if err == nil {
			err = t.do(ctx, s)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", s.Do, err)
		}
		r.opt.Crash.Point()
	}
	if err == nil && t.c.Starts() {
		err = t.alive(ctx)
	}
	if err == nil && !away.IsZero() && c.Starts() {
		t.host.Store.SetAway(c.Name, time.Since(away))
	}
	if err == nil && t.c.Proves() && !r.opt.Unproven {
		if res, err := r.proved(ctx, t); err != nil {
			return res
		}
	}
	if err == nil && !r.opt.Atomic {
		err = t.commit(generations.Healthy)
	}
	if err == nil {
		r.event(c.Name, "", event.Done, nil)
		return Result{Name: c.Name, From: c.From, To: c.To, Outcome: "applied"}
	}
	r.event(c.Name, "", event.Failed, err)
	return r.back(ctx, t, last, err)
}

// proved waits for the container to show that it is well. Others have its
// place meanwhile. What is not well goes back, and its generation stays in the
// history with the evidence.
func (r *runner) proved(ctx context.Context, t *task) (Result, error) {
	r.event(t.c.Name, "", event.Proving, nil)
	<-r.slots
	evidence, err := t.prove(ctx)
	r.slots <- struct{}{}
	r.opt.Crash.Point()
	if err == nil {
		return Result{}, nil
	}
	r.event(t.c.Name, "", event.Failed, err)
	last := len(t.c.Steps) - 1
	if t.mends() {
		res := r.back(ctx, t, last, err)
		res.Evidence = evidence
		return res, err
	}
	if !errors.Is(err, ErrUnhealthy) || t.c.To == t.c.From {
		return r.back(ctx, t, last, err), err
	}
	if said := t.reject(err); said != nil {
		return r.back(ctx, t, last, errors.Join(err, said)), err
	}
	r.opt.Crash.Point()
	res := Result{}
	if t.stays() && !r.opt.NoRollback {
		res = r.keep(ctx, t, err)
	} else {
		res = r.back(ctx, t, last, err)
	}
	res.Rejected, res.Evidence = t.c.To, evidence
	return res, err
}

// back undoes the steps up to last, the newest first.
func (r *runner) back(ctx context.Context, t *task, last int, cause error) Result {
	res := Result{Name: t.c.Name, From: t.c.From, To: t.c.From, Outcome: "rolled back", Err: fmt.Errorf("%s: %w (%w)", t.c.Name, cause, ErrRolledBack)}
	if r.opt.NoRollback {
		res.Outcome, res.To, res.Err = "left", t.c.To, fmt.Errorf("%s: %w", t.c.Name, cause)
		return res
	}
	if t.mends() {
		res.Outcome, res.Err = "failed", fmt.Errorf("%s: %v", t.c.Name, cause) // no cause that tells of a way back
	}
	if err := t.back(context.WithoutCancel(ctx), last, r.opt.Crash); err != nil {
		res.Outcome, res.Err = "stuck", fmt.Errorf("%s: %w; %w: %w", t.c.Name, cause, ErrStuck, err)
		r.event(t.c.Name, "", event.Stuck, err)
		return res
	}
	if !t.mends() {
		r.event(t.c.Name, "", event.Undone, nil)
	}
	return res
}

// back undoes steps 0 to last in reverse and ends the journal.
func (t *task) back(ctx context.Context, last int, crash *Crash) error {
	var errs []error
	for i := last; i >= 0; i-- {
		if t.mends() && t.c.Steps[i].Do != plan.DoStop {
			continue
		}
		if err := t.undo(ctx, t.c.Steps[i]); err != nil {
			errs = append(errs, fmt.Errorf("undo %s: %w", t.c.Steps[i].Do, err))
		}
		crash.Point()
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if t.c.Last == nil {
		return t.host.Store.Remove(t.at)
	}
	return t.host.Store.ClearJournal(t.at)
}

// settle looks once more at what was started, and with Atomic decides for all.
func (r *runner) settle(ctx context.Context, acting []plan.ContainerPlan) {
	for _, c := range acting {
		t := r.tasks[c.Name]
		if t == nil || r.results[c.Name].Outcome != "applied" || !t.c.Starts() {
			continue
		}
		if err := t.alive(ctx); err != nil {
			if !t.mends() {
				_ = t.commit(generations.Failed)
			}
			r.results[c.Name] = r.back(ctx, t, len(c.Steps)-1, err)
		}
	}
	if !r.opt.Atomic {
		return
	}
	for _, c := range slices.Backward(acting) {
		if r.results[c.Name].Outcome != "applied" {
			continue
		}
		if r.failed() {
			r.results[c.Name] = r.back(ctx, r.tasks[c.Name], len(c.Steps)-1, errAtomic)
		} else if err := r.tasks[c.Name].commit(generations.Healthy); err != nil {
			r.results[c.Name] = r.back(ctx, r.tasks[c.Name], len(c.Steps)-1, err)
		}
	}
}

var errAtomic = errors.New("another container of this run failed")
