package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
	"strake/reconcile/plan"
)

func (r *run) applyCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "apply", Category: "configuration",
		Usage: "bring the host to what the configuration, or a saved plan, says", ArgsUsage: "[PATH|PLANFILE]",
		Flags:  append(append(wishFlags(v), carryFlags()...), confirmFlag()),
		Action: func(c *cli.Context) error { return r.apply(c, v) },
	}
}

func (r *run) apply(c *cli.Context, v *values) error {
	args, err := arguments(c, "[PATH|PLANFILE]")
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	e.Warm(c.Context)
	path := optional(args, 0)
	if p, ok, err := planFile(path); ok || err != nil {
		if err != nil {
			return err
		}
		return r.applyPlan(c, e, p)
	}
	w, err := r.wish(c, path, v)
	if err != nil {
		return err
	}
	return r.fulfil(c, e, w, nil)
}

// applyPlan carries out a saved plan as it is: what chooses what to do was
// said when it was made.
func (r *run) applyPlan(c *cli.Context, e *reconcile.Engine, p plan.Plan) error {
	for _, name := range []string{"target", "exclude", "defer-restart", "reset-writable", "no-probe", "move-stack", "var", "var-file", "commit", "message"} {
		if c.IsSet(name) {
			return usage("--%s belongs to `strake plan -o`; a saved plan is carried out as it is", name)
		}
	}
	return r.carry(c, deed{answers: answersOf(c), do: func(how reconcile.How) (reconcile.Outcome, error) {
		return e.ApplyPlan(c.Context, p, how)
	}})
}

// fulfil applies a wish. What was named by hand and is on hold is refused;
// what merely comes along is skipped and said so. What is suspended is skipped,
// and never passes for done.
func (r *run) fulfil(c *cli.Context, e *reconcile.Engine, w reconcile.Wish, check func(plan.Plan) error) error {
	var held, paused []string
	err := r.carry(c, deed{
		answers: answersOf(c),
		check: func(p plan.Plan) error {
			for _, cp := range p.Containers {
				if cp.Action == plan.Held && cp.Behind == "" && slices.Contains(w.Target, cp.Name) {
					held = append(held, cp.Name)
				}
				if cp.Action == plan.Paused {
					paused = append(paused, cp.Name+": "+cp.Note)
				}
			}
			if check == nil {
				return nil
			}
			return check(p)
		},
		do: func(how reconcile.How) (reconcile.Outcome, error) { return e.Apply(c.Context, w, how) },
	})
	if err == nil {
		r.pinImages(c, e, w)
	}
	err = unpinned(err)
	if err == nil && len(paused) > 0 {
		return fmt.Errorf("%w: %s", reconcile.ErrPolicy, strings.Join(paused, "; "))
	}
	if err == nil && len(held) > 0 {
		return fmt.Errorf("%w: %s is held: this configuration was rolled back; change it or run `strake release %s`", reconcile.ErrPolicy, held[0], held[0])
	}
	return err
}
