package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/state"
)

// Question is a plan that waits for somebody to agree.
type Question struct {
	Version int       `json:"version"`
	Run     string    `json:"run"` // what `strake approve` takes
	Since   time.Time `json:"since"`
	By      string    `json:"by"`
	Key     string    `json:"key,omitempty"` // what the asker knows it by, such as a commit
	Why     string    `json:"why"`           // what has to be agreed to: "restart web1"
	Plan    plan.Plan `json:"plan"`

	Declined bool `json:"declined,omitempty"` // the answer is no: it is kept, so that nobody asks again
}

// Ask keeps a plan until somebody approves it, and returns the id to approve
// it by. A plan that asks the same as one that waits already is that one, and none
// ("") if that was declined; any other takes the place of what its stack waited
// for. Secrets are not kept: they are read again.
func (e *Engine) Ask(ctx context.Context, p plan.Plan, key, why string) (run string, err error) {
	err = e.work(ctx, func() error {
		asked, err := e.asked()
		if err != nil {
			return err
		}
		q := Question{Version: 1, Run: runID(), Since: time.Now().UTC().Truncate(time.Millisecond), By: e.By, Key: key, Why: why, Plan: p}
		for _, old := range asked {
			if old.same(q) {
				if !old.Declined {
					run = old.Run
				}
				return nil
			}
		}
		run = q.Run
		errs := []error{e.State.KeepRun(state.Asked, q.Run, q)}
		for _, old := range asked {
			if old.Plan.Stack == p.Stack {
				errs = append(errs, e.State.DropRun(state.Asked, old.Run))
			}
		}
		return errors.Join(errs...)
	})
	return run, err
}

// same says whether two ask for the same, of hosts that are the same.
func (q Question) same(o Question) bool {
	return q.Key == o.Key && q.Plan.Stack == o.Plan.Stack && q.Plan.Basis == o.Plan.Basis &&
		slices.EqualFunc(q.Plan.Containers, o.Plan.Containers, func(a, b plan.ContainerPlan) bool {
			return a.Name == b.Name && a.Action == b.Action && a.From == b.From && a.Basis == b.Basis
		})
}

// Questions lists the plans that wait for approval, the oldest first. It
// changes nothing.
func (e *Engine) Questions() ([]Question, error) {
	list, err := e.asked()
	return slices.DeleteFunc(list, func(q Question) bool { return q.Declined }), err
}

// asked are those that were declined, too.
func (e *Engine) asked() ([]Question, error) {
	return kept(e.State, state.Asked, func(q Question) string { return q.Run })
}

// kept reads all that is kept of runs in a folder, the oldest first. What names
// another run is somebody's copy, and none.
func kept[T any](dir *state.Dir, folder string, of func(T) string) ([]T, error) {
	runs, err := dir.KeptRuns(folder)
	if err != nil {
		return nil, err
	}
	var list []T
	for _, run := range runs {
		var v T
		if ok, err := dir.KeptRun(folder, run, &v); err != nil {
			return nil, fmt.Errorf("what is %s: %w", folder, err)
		} else if ok && of(v) == run {
			list = append(list, v)
		}
	}
	return list, nil
}

// Question finds one of them. The first letters of its id are enough, where
// no other begins so. Errors: ErrUnknown.
func (e *Engine) Question(run string) (Question, error) {
	list, err := e.Questions()
	if err != nil {
		return Question{}, err
	}
	list = slices.DeleteFunc(list, func(q Question) bool { return !strings.HasPrefix(q.Run, run) })
	if len(list) != 1 || run == "" {
		return Question{}, fmt.Errorf("%w: no run %q waits for approval; `strake approve` lists those that do", ErrUnknown, run)
	}
	return list[0], nil
}

// Approve carries out a plan that waits. Errors: ErrUnknown; ErrStale, where
// the host is not as it was: the question is dropped then, as nobody can
// answer it any more.
func (e *Engine) Approve(ctx context.Context, run string, how How) (Outcome, error) {
	q, err := e.Question(run)
	if err != nil {
		return Outcome{}, err
	}
	if q.Plan.Version != plan.Version {
		return Outcome{}, errors.Join(fmt.Errorf("%w (another strake made it)", ErrStale), e.State.DropRun(state.Asked, q.Run))
	}
	out, err := e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) {
		if _, err := e.Question(q.Run); err != nil {
			return plan.Plan{}, err // somebody was quicker
		}
		return e.saved(ctx, q.Plan)
	})
	if out.Run.ID != "" || out.Empty || errors.Is(err, ErrStale) {
		err = errors.Join(err, e.State.DropRun(state.Asked, q.Run))
	}
	return out, err
}

// Decline answers no to a plan that waits, once and for all: only another one, or
// the same for another commit or on a host that has changed, is asked for again.
func (e *Engine) Decline(ctx context.Context, run string) error {
	return e.work(ctx, func() error {
		q, err := e.Question(run)
		if err != nil {
			return err
		}
		q.Declined = true
		return e.State.KeepRun(state.Asked, q.Run, q)
	})
}
