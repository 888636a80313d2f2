package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
	"strake/reconcile/plan"
)

func (r *run) createCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "create", Category: "configuration",
		Usage: "apply for one container that does not exist yet", ArgsUsage: "NAME [PATH]",
		Flags: append(append(single(v), carryFlags()...), confirmFlag()),
		Action: func(c *cli.Context) error {
			return r.applyOne(c, v, func(cp plan.ContainerPlan) error {
				if cp.Last != nil {
					return fmt.Errorf("container %s exists already; `strake update %s` changes it", cp.Name, cp.Name)
				}
				return nil
			})
		},
	}
}

// single are the flags of a wish for one container.
func single(v *values) []cli.Flag {
	var list []cli.Flag
	for _, f := range wishFlags(v) {
		switch f.Names()[0] {
		case "target", "exclude", "prune":
		default:
			list = append(list, f)
		}
	}
	return list
}

// applyOne applies for the container that is named, if check lets it.
func (r *run) applyOne(c *cli.Context, v *values, check func(plan.ContainerPlan) error) error {
	args, err := arguments(c, "NAME", "[PATH]")
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	e.Warm(c.Context)
	w, err := r.wish(c, optional(args, 1), v)
	if err != nil {
		return err
	}
	w.Target = []string{args[0]}
	return r.fulfil(c, e, w, func(p plan.Plan) error {
		for _, cp := range p.Containers {
			if cp.Name == args[0] {
				return check(cp)
			}
		}
		return fmt.Errorf("%w: no container %q in the configuration", reconcile.ErrUnknown, args[0])
	})
}
