package reconcile

import (
	"context"
	"fmt"
	"slices"

	"strake/reconcile/apply"
	"strake/reconcile/plan"
)

// letGo forgets the containers that a removed block says so of.
func (e *Engine) letGo(ctx context.Context, p plan.Plan) ([]apply.Result, error) {
	var list []apply.Result
	for _, c := range p.Containers {
		if c.Action != plan.Forget {
			continue
		}
		if err := e.part(ctx, c.Name); err != nil {
			return list, fmt.Errorf("forget %s: %w", c.Name, err)
		}
		list = append(list, apply.Result{Name: c.Name, From: c.From, To: c.From, Outcome: "applied"})
	}
	return list, nil
}

func resultOf(results []apply.Result, name string) apply.Result {
	i := slices.IndexFunc(results, func(r apply.Result) bool { return r.Name == name })
	if i < 0 {
		return apply.Result{}
	}
	return results[i]
}
