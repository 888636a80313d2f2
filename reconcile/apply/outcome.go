package apply

import (
	"errors"
	"maps"
	"slices"
	"time"

	"strake/reconcile/plan"
)

// Event says that something was begun or ended.
type Event struct {
	Time      time.Time `json:"time"`
	Run       string    `json:"run"`
	Container string    `json:"container,omitempty"`
	Step      plan.Kind `json:"step,omitempty"`
	Outcome   string    `json:"outcome"` // "begun", "proving", "done", "failed", "undone", "kept", "stuck", "skipped"
	Error     string    `json:"error,omitempty"`
}

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

func (r *runner) event(container string, step plan.Kind, outcome string, err error) {
	if r.opt.Event == nil {
		return
	}
	e := Event{Time: time.Now(), Run: r.run.ID, Container: container, Step: step, Outcome: outcome}
	if err != nil {
		e.Error = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opt.Event(e)
}
