package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/generations"
	"strake/reconcile/plan"
)

func (r *run) planCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "plan", Aliases: []string{"diff"}, Category: "configuration",
		Usage: "show what apply would change; changes nothing", ArgsUsage: "[PATH]",
		Flags: append(wishFlags(v),
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "save the plan in `FILE`, for apply"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 2 when something differs"},
		),
		Action: func(c *cli.Context) error { return r.plan(c, v) },
	}
}

func (r *run) plan(c *cli.Context, v *values) error {
	args, err := arguments(c, "[PATH]")
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	e.Warm(c.Context)
	w, err := r.wish(c, optional(args, 0), v)
	if err != nil {
		return err
	}
	p, err := e.Plan(c.Context, w)
	if err != nil {
		return err
	}
	if err := r.showPlan(p); err != nil {
		return err
	}
	if path := c.String("output"); path != "" {
		if err := savePlan(path, p); err != nil {
			return err
		}
		r.say("saved; `strake apply %s` carries it out", path)
	}
	if c.Bool("detailed-exitcode") && p.Differs() {
		return exitCode(differentCode)
	}
	return nil
}

func (r *run) showPlan(p plan.Plan) error {
	if r.g.JSON {
		return view.JSON(r.Stdout, p)
	}
	return view.Plan(r.Stdout, p, view.PlanOptions{Style: r.style(r.Stdout)})
}

// savePlan writes a plan that only root can read: it holds environments.
func savePlan(path string, p plan.Plan) error {
	text, err := encodePlan(p)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("save plan: %s is there and no regular file", path) // replacing it would break it
	}
	if err := generations.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("save plan: %w", err)
	}
	return nil
}
