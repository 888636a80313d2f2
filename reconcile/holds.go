package reconcile

import (
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
		if err := e.State.Book(r.Name).Reject(hold, plan.HoldDigest(*c.Want)); err != nil {
			return err
		}
	}
	return nil
}
