package cli

import (
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
)

// carryFlags say how a plan is run.
func carryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "restart without asking"},
		&cli.StringSliceFlag{Name: "allow-recreate", Usage: "recreate this container without asking, `NAME`; repeatable"},
		&cli.StringSliceFlag{Name: "allow-remove", Usage: "do without asking what a removed block says of this container, `NAME`; repeatable"},
		&cli.IntFlag{Name: "parallel", Value: 4, Usage: "how many containers at a time"},
		&cli.BoolFlag{Name: "atomic", Usage: "one failure undoes all"},
		&cli.BoolFlag{Name: "no-rollback", Usage: "leave a failure as it is, until the next command that changes something"},
	}
}

func answersOf(c *cli.Context) answers {
	return answers{Yes: c.Bool("yes"), Prune: c.Bool("prune"), Recreate: c.StringSlice("allow-recreate"), Remove: c.StringSlice("allow-remove")}
}

// deed is a plan to be shown, approved, carried out and reported.
type deed struct {
	answers answers
	check   func(plan.Plan) error                          // may be nil: refuses a plan
	do      func(reconcile.How) (reconcile.Outcome, error) // required
}

// confirmFlag is for changes that may cut off who makes them.
func confirmFlag() cli.Flag {
	return &cli.DurationFlag{Name: "confirm", Usage: "taken back unless `strake confirm` comes within this `TIME`, such as 60s"}
}

// carry does it.
func (r *run) carry(c *cli.Context, d deed) error {
	if c.Int("parallel") < 0 {
		return usage("--parallel counts containers at a time, from 1")
	}
	if window := c.Duration("confirm"); c.IsSet("confirm") && (window < time.Second || window > 24*time.Hour) {
		return usage("--confirm takes a time from 1s to 24h, such as 60s")
	}
	if c.IsSet("confirm") && c.Bool("no-rollback") {
		return usage("--confirm takes back what --no-rollback leaves; give one of them")
	}
	var shown plan.Plan
	out, err := d.do(reconcile.How{
		Parallel: c.Int("parallel"), Atomic: c.Bool("atomic"), NoRollback: c.Bool("no-rollback"), Confirm: c.Duration("confirm"),
		Approve: func(p plan.Plan) error {
			shown = p
			if d.check != nil {
				if err := d.check(p); err != nil {
					return err
				}
			}
			list := demands(p, d.answers)
			if !r.g.Quiet || len(list) > 0 {
				_ = view.Plan(r.Stderr, p, view.PlanOptions{Style: r.style(r.Stderr)})
			}
			return r.approve(c.Context, list)
		},
	})
	if reported := r.report(shown, out); err == nil {
		err = reported
	}
	return err
}

// result is the JSON of a run.
type result struct {
	Version int `json:"version"`
	reconcile.Outcome
	Results []apply.Result `json:"results"`
}

func (r *run) report(p plan.Plan, out reconcile.Outcome) error {
	if r.g.JSON {
		if out.Run.ID == "" && !out.Empty {
			return nil // it did not get as far as a run
		}
		list := out.Results
		if list == nil {
			list = []apply.Result{}
		}
		return view.JSON(r.Stdout, result{1, out, list})
	}
	if r.g.Quiet {
		return nil
	}
	return view.Outcome(r.Stderr, p, out, r.style(r.Stderr))
}
