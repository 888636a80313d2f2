package cli

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/reconcile/plan"
	"strake/reconcile/state"
	"strake/spec"
)

func (r *run) renderCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "render", Category: "configuration",
		Usage: "print what a container comes to: its spec, desired state or LXC configuration", ArgsUsage: "NAME [PATH]",
		Flags: append(v.flags(), &cli.StringFlag{Name: "format", Value: "desired", Usage: "spec, desired or lxc"},
			&cli.BoolFlag{Name: "explain", Usage: "tell of every setting where its value comes from"},
			&cli.BoolFlag{Name: "move-stack", Usage: "the stack comes from another place now"}),
		Action: func(c *cli.Context) error { return r.render(c, v) },
	}
}

func (r *run) render(c *cli.Context, v *values) error {
	args, err := arguments(c, "NAME", "[PATH]")
	if err != nil {
		return err
	}
	form := c.String("format")
	if !slices.Contains([]string{"spec", "desired", "lxc"}, form) {
		return usage("--format is spec, desired or lxc")
	}
	w, err := r.wish(c, optional(args, 1), v)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(w.Stack.Containers, func(s spec.Container) bool { return s.Name == args[0] })
	if i < 0 {
		return fmt.Errorf("%w: %s has no container %q", reconcile.ErrUnknown, w.Source, args[0])
	}
	if c.Bool("explain") && c.IsSet("format") {
		return usage("--explain has a form of its own: leave --format out")
	}
	if form == "spec" {
		return view.JSON(r.Stdout, w.Stack.Containers[i])
	}
	w.Target = []string{args[0]}
	return r.renderPlanned(c, w, form)
}

// renderPlanned prints what apply would record.
func (r *run) renderPlanned(c *cli.Context, w reconcile.Wish, form string) error {
	e, err := r.engine()
	if err != nil {
		return err
	}
	p, err := e.Plan(c.Context, w)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(p.Containers, func(cp plan.ContainerPlan) bool { return cp.Name == w.Target[0] })
	if i < 0 || p.Containers[i].Want == nil {
		return fmt.Errorf("%w: no container %q", reconcile.ErrUnknown, w.Target[0])
	}
	if c.Bool("explain") {
		k := slices.IndexFunc(w.Stack.Containers, func(s spec.Container) bool { return s.Name == w.Target[0] })
		return r.explained(view.Explain(p.Containers[i], w.Stack, w.Stack.Containers[k]))
	}
	want := *p.Containers[i].Want
	if form == "desired" {
		return view.JSON(r.Stdout, want)
	}
	files, err := e.State.Render(want)
	if err != nil {
		return err
	}
	_, err = r.Stdout.Write(files[state.ConfigFile])
	return err
}

func (r *run) explained(list []view.Origin) error {
	if r.g.JSON {
		return view.JSON(r.Stdout, list)
	}
	return view.Origins(list).Write(r.Stdout, r.style(r.Stdout))
}
