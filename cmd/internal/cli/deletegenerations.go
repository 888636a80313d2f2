package cli

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/generations/retain"
	"strake/reconcile"
)

func (r *run) deleteGenerationsCommand() *cli.Command {
	return &cli.Command{
		Name: "delete-generations", Category: "generations",
		Usage:     "delete generations: numbers (7, 3-7), old, +5 (all but the last five), 30d (what is older)",
		ArgsUsage: "NAME SPEC...",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "dry-run", Usage: "only say what would go"}},
		Action:    r.deleteGenerations,
	}
}

func (r *run) deleteGenerations(c *cli.Context) error {
	args, err := arguments(c, "NAME", "SPEC...")
	if err != nil {
		return err
	}
	policy, err := retain.Parse(args[1:])
	if err != nil {
		return usage("%s", err)
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	verdicts, err := e.Retention(args[0], policy, time.Now())
	if err != nil {
		return err
	}
	gone := doomed(verdicts)
	refused := refusals(args[0], verdicts)
	if err := r.showVerdicts(verdicts); err != nil {
		return err
	}
	r.sayStaying(args[0], verdicts)
	if c.Bool("dry-run") {
		r.say("%s: would delete %s", args[0], counted(len(gone), "generation"))
		return refused
	}
	if refused != nil {
		return refused // all that was asked for, or nothing
	}
	if len(gone) == 0 {
		r.say("%s: nothing to delete", args[0])
		return nil
	}
	if err := e.DeleteGenerations(c.Context, args[0], gone); err != nil {
		return err
	}
	r.say("%s: deleted %s: %s", args[0], counted(len(gone), "generation"), view.Numbers(gone))
	return nil
}

// sayStaying tells what of a named range is not deleted.
func (r *run) sayStaying(name string, list []retain.Verdict) {
	for _, v := range list {
		if v.Keep && v.Ranged {
			r.say("%s: generation %d stays: %s", name, v.Number, v.Reason)
		}
	}
}

func doomed(list []retain.Verdict) []int {
	var gone []int
	for _, v := range list {
		if !v.Keep {
			gone = append(gone, v.Number)
		}
	}
	return gone
}

// refusals are the generations that were named by number and must stay.
func refusals(name string, list []retain.Verdict) error {
	var errs []error
	for _, v := range list {
		if v.Keep && v.Named {
			errs = append(errs, fmt.Errorf("%w: generation %d of %s stays: %s", reconcile.ErrPolicy, v.Number, name, v.Reason))
		}
	}
	return errors.Join(errs...)
}

func (r *run) showVerdicts(list []retain.Verdict) error {
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version     int              `json:"version"`
			Generations []retain.Verdict `json:"generations"`
		}{1, list})
	}
	return view.Verdicts(list).Write(r.Stdout, r.style(r.Stdout))
}
