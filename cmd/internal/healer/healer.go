// Package healer runs as long as the agent does: it waits until something may
// have changed behind strake's back, and has the engine look and mend. Whatever is
// decided about that is decided there.
package healer

import (
	"context"
	"errors"
	"slices"
	"time"

	"strake/reconcile"
	"strake/reconcile/heal"
	"strake/reconcile/state"
)

// Healer is one part of the agent.
type Healer struct {
	Engine   *reconcile.Engine       // required
	Every    time.Duration           // between looks at everything; 0: Usual
	May      func(stack string) bool // may be nil: see reconcile.Healing
	Told     func(reconcile.Healed)  // may be nil: what came of each look that found something
	Failed   func(error)             // may be nil: a look went wrong; the next one comes
	Rest     func()                  // may be nil: called after each look, to give memory back
	Parallel int
}

// Usual is the time between looks at everything.
const Usual = time.Minute

// Name tells it from other parts.
func (*Healer) Name() string { return "heal" }

// Run heals until ctx is done.
func (h *Healer) Run(ctx context.Context) error {
	every := h.Every
	if every <= 0 {
		every = Usual
	}
	hints, err := h.Engine.Watch(ctx, every)
	if err != nil {
		return err
	}
	var later due
	for {
		hint, ok := later.next(hints)
		if !ok {
			return nil
		}
		healed, err := h.Engine.Heal(ctx, reconcile.Healing{Hint: hint, May: h.May, Patience: heal.Usual(), Parallel: h.Parallel})
		if ctx.Err() != nil {
			return nil
		}
		later.after(hint, healed, err)
		if err != nil && h.Failed != nil {
			h.Failed(err)
		}
		if len(healed.Found) > 0 && h.Told != nil {
			h.Told(healed)
		}
		if h.Rest != nil {
			h.Rest()
		}
	}
}

// due is what has to be looked at again, and when.
type due struct {
	hint reconcile.Hint
	at   time.Time
}

// retry is when a look that failed as a whole is repeated.
const retry = 5 * time.Second

// after keeps in mind what a look has left for later.
func (d *due) after(hint reconcile.Hint, healed reconcile.Healed, err error) {
	at := healed.Again
	switch {
	case errors.Is(err, state.ErrBusy): // the run that is under way ends with a hint; this one must not be lost
		at = time.Now()
	case err != nil && at.IsZero():
		at = time.Now().Add(retry)
	}
	if at.IsZero() {
		return
	}
	d.hint = joined(d.hint, hint)
	if d.at.IsZero() || at.Before(d.at) {
		d.at = at
	}
}

// next waits for a hint, or until something is due; false: there are no more.
func (d *due) next(hints <-chan reconcile.Hint) (reconcile.Hint, bool) {
	var again <-chan time.Time
	if !d.at.IsZero() {
		timer := time.NewTimer(time.Until(d.at))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case h, ok := <-hints:
		return h, ok
	case <-again:
		h := d.hint
		*d = due{}
		return h, true
	}
}

func joined(a, b reconcile.Hint) reconcile.Hint {
	a.Containers = append(slices.Clone(a.Containers), b.Containers...)
	slices.Sort(a.Containers)
	return reconcile.Hint{All: a.All || b.All, Networks: a.Networks || b.Networks, Containers: slices.Compact(a.Containers)}
}
