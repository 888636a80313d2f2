package reconcile

import (
	"context"
	"fmt"
	"time"

	"strake/reconcile/plan"
	"strake/reconcile/state"
)

// Suspend keeps apply and the agent from changing a container, or ("") any,
// until it is resumed or the time is over; zero: for as long as nobody
// resumes it. Another word takes the place of an earlier one.
func (e *Engine) Suspend(ctx context.Context, name string, until time.Time, why string) error {
	word := state.Suspension{Why: why, By: e.By, Since: time.Now().UTC().Truncate(time.Second), Until: until}
	return e.work(ctx, func() error {
		if name != "" {
			if _, err := e.current(name); err != nil {
				return err
			}
		}
		return e.State.Suspend(name, word)
	})
}

// Resume takes that back. A container stays suspended where all are.
func (e *Engine) Resume(ctx context.Context, name string) error {
	return e.work(ctx, func() error {
		if name != "" {
			if _, err := e.current(name); err != nil {
				return err
			}
		}
		return e.State.Resume(name)
	})
}

// Suspension is what keeps a container, or ("") all, from being changed by
// apply and the agent; false: nothing.
func (e *Engine) Suspension(name string) (state.Suspension, bool, error) {
	names := []string{""}
	if name != "" {
		names = append(names, name)
	}
	for _, n := range names {
		s, err := e.State.Suspended(n)
		if err != nil || s.Holds(time.Now()) {
			return s, err == nil, err
		}
	}
	return state.Suspension{}, false, nil
}

// suspended says in words why a container is left as it is; "": it is not.
func (e *Engine) suspended(name string) (string, error) {
	s, ok, err := e.Suspension(name)
	if err != nil || !ok {
		return "", err
	}
	way := "strake resume " + name
	if all, err := e.State.Suspended(""); err == nil && all.Holds(time.Now()) {
		way = "strake resume --all"
	}
	return fmt.Sprintf("%s; `%s` ends that", Suspended(s), way), nil
}

// Suspended puts it into words.
func Suspended(s state.Suspension) string {
	text := "suspended by " + s.By
	if !s.Until.IsZero() {
		text += " until " + s.Until.Local().Format("2006-01-02 15:04:05")
	}
	if s.Why != "" {
		text += " (" + s.Why + ")"
	}
	return text
}

// notSuspended refuses a plan that acts where nothing is to be changed. Those
// that are planned of a text leave such containers out; a saved one may be
// older than the word.
func (e *Engine) notSuspended(p plan.Plan) error {
	if all, err := e.suspended(""); err != nil || all != "" && !p.Empty() {
		return orPolicy(err, all)
	}
	for _, c := range p.Acting() {
		if why, err := e.suspended(c.Stands()); err != nil || why != "" {
			return orPolicy(err, "container "+c.Stands()+" is "+why)
		}
	}
	return nil
}

func orPolicy(err error, why string) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrPolicy, why)
}
