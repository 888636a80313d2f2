package apply

import (
	"errors"
	"maps"
	"slices"
	"time"

	"strake/reconcile/event"
	"strake/reconcile/plan"
)

// Result is how it ended for one container.
type Result struct {
	Name    string `json:"name"`
	From    int    `json:"from"`
	To      int    `json:"to"`
	Outcome string `json:"outcome"` // "applied", "rolled back", "failed", "stuck", "skipped", "left"
	Err     error  `json:"-"`
	Error   string `json:"error,omitempty"`

	Rejected int        `json:"rejected,omitempty"` // generation that did not prove itself
	Evidence []Evidence `json:"evidence,omitempty"` // of why it did not
}

// stands says whether what was wanted is what there is now, good or not.
func (r Result) stands() bool { return r.Outcome == "applied" || r.Outcome == "failed" }

func (r *runner) failed() bool {
	for _, res := range r.results {
		if res.Outcome != "applied" {
			return true
		}
	}
	return false
}

func (r *runner) err() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.results)) {
		errs = append(errs, r.results[name].Err)
	}
	return errors.Join(errs...)
}

func (r *runner) list(acting []plan.ContainerPlan) []Result {
	list := make([]Result, 0, len(acting))
	for _, c := range acting {
		res := r.results[c.Name]
		if res.Err != nil {
			res.Error = res.Err.Error()
		}
		list = append(list, res)
	}
	return list
}

func (r *runner) event(container string, step plan.Kind, outcome event.Outcome, err error) {
	if r.opt.Event == nil {
		return
	}
	e := event.Event{Time: time.Now(), Kind: event.Container, Run: r.run.ID, Stack: r.run.Stack, Container: container, Step: string(step), Outcome: outcome}
	if step != "" {
		e.Kind = event.Step
	}
	if err != nil {
		e.Error = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tasks[container]; t != nil {
		e.From, e.To = t.c.From, t.c.To
	}
	r.opt.Event(e.Sealed(e.Time))
}
