package reconcile

import (
	"errors"
	"slices"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
)

// holdLeft puts what a rollback left behind on hold, so that the same text
// does not bring it right back.
func (e *Engine) holdLeft(kind generations.Kind, p plan.Plan, run apply.Run, results []apply.Result) error {
	if kind != generations.Rollback {
		return nil
	}
	for _, r := range results {
		c := p.Containers[slices.IndexFunc(p.Containers, func(c plan.ContainerPlan) bool { return c.Name == r.Name })]
		if r.Outcome != "applied" || c.Last == nil || c.From == c.To {
			continue
		}
		if plan.HoldDigest(*c.Last) == plan.HoldDigest(*c.Want) {
			continue // only its data went back
		}
		hold := generations.Hold{Digest: plan.HoldDigest(*c.Last), Generation: c.From, Since: run.Started, Run: run.ID, Why: "rolled back"}
		if err := e.putOnHold(r.Name, plan.HoldDigest(*c.Want), hold); err != nil {
			return err
		}
	}
	return nil
}

// holdRejected puts what did not prove itself on hold.
func (e *Engine) holdRejected(p plan.Plan, run apply.Run, results []apply.Result) error {
	var errs []error
	for _, r := range results {
		if r.Rejected == 0 {
			continue
		}
		c := p.Containers[slices.IndexFunc(p.Containers, func(c plan.ContainerPlan) bool { return c.Name == r.Name })]
		used := ""
		if c.Last != nil && !failed(e.State.Book(r.Name), c.From) { // what failed itself, and is gone back to for want of better, stays on hold
			used = plan.HoldDigest(*c.Last)
		}
		errs = append(errs, e.putOnHold(r.Name, used, generations.Hold{
			Digest: plan.HoldDigest(*c.Want), Generation: r.Rejected, Since: run.Started, Run: run.ID, Why: "unhealthy", Canary: r.Canary,
		}))
	}
	return errors.Join(errs...)
}

// putOnHold adds to what is on hold already. used is the digest of what is in use.
func (e *Engine) putOnHold(name, used string, h generations.Hold) error {
	book := e.State.Book(name)
	old, held, err := book.Held()
	if err != nil {
		return err
	}
	if held {
		h.Before = rejected(old, h.Digest, used)
	}
	return book.Hold(h)
}

// rejected are the digests that stay so beside the newest one, when digest
// used is what is gone back to.
func rejected(old generations.Hold, newest, used string) []string {
	list := slices.DeleteFunc(old.Digests(), func(d string) bool { return d == newest || d == used })
	slices.Sort(list)
	return slices.Compact(list)
}
