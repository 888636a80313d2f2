package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/generations"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// unready is why some containers of a plan can't be made ready for it.
type unready struct {
	who []string
	error
}

func (u unready) Unwrap() error { return u.error }

// concerns says whether a container is one of those that an error is about. One
// that speaks of none is about all.
func concerns(err error, name string) bool {
	var u unready
	return !errors.As(err, &u) || slices.Contains(u.who, name)
}

// unbegun ends a run before its first step: what it needs could not be made ready.
// That is told of each container that it is about, and kept as the run's record,
// where the disk has room for it.
func (e *Engine) unbegun(out Outcome, p plan.Plan, err error) (Outcome, error) {
	for _, c := range p.Acting() {
		if concerns(err, c.Name) {
			e.Tell(event.Event{
				Kind: event.Container, Outcome: event.Failed, Run: out.Run.ID, Stack: out.Run.Stack, Container: c.Name, From: c.From, To: c.From, Error: err.Error(),
			})
		}
	}
	err = stands(p, err)
	out.Error = err.Error()
	_ = e.State.SetRun(out.Run.ID, out)
	return out, err
}

// unplanned is unbegun where there is no plan yet: what a text wishes of containers
// is not to be had, or nothing that liblxc takes.
func (e *Engine) unplanned(w Wish, err error) error {
	var u unready
	if !errors.As(err, &u) {
		return err
	}
	p := plan.Plan{Stack: w.Stack.Name, Origin: w.Origin, Commit: w.Commit, Message: w.Message}
	for _, name := range u.who {
		if n, err := e.State.Book(name).Current(); err == nil && n > 0 {
			p.Containers = append(p.Containers, plan.ContainerPlan{Name: name, Action: plan.Update, From: n, Last: &resource.Container{}})
		}
	}
	if len(p.Containers) == 0 {
		return err
	}
	_, err = e.unbegun(Outcome{Run: e.runOf(generations.Apply, p)}, p, err)
	return err
}

// stands says of an error that came before the first step that a container which it
// is about is as it was, where there is one that was anything. Neither a text that is
// wrong in itself, nor a refusal, nor the end of somebody's patience is a change that failed.
func stands(p plan.Plan, err error) error {
	wrong := errors.Is(err, ErrInvalid) && !errors.As(err, new(unready))
	if wrong || errors.Is(err, ErrPolicy) || errors.Is(err, context.Canceled) {
		return err
	}
	there := func(c plan.ContainerPlan) bool { return c.Last != nil && concerns(err, c.Name) }
	if !slices.ContainsFunc(p.Acting(), there) {
		return err
	}
	return fmt.Errorf("%w (%w)", err, ErrStands)
}
