package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
	"strake/reconcile/plan"
)

func (r *run) snapshotCommand() *cli.Command {
	return &cli.Command{
		Name: "snapshot", Category: "generations",
		Usage: "record a container's data as a generation, to go back to with rollback --with-data", ArgsUsage: "NAME [LABEL]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "live", Usage: "without a stop, of a copy; what is written meanwhile may be in it, or not"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "restart without asking"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME", "[LABEL]")
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			s := reconcile.Snapshot{Container: args[0], Live: c.Bool("live")}
			if len(args) > 1 {
				s.Label = args[1]
			}
			number := 0
			err = r.carry(c, deed{
				answers: answers{Yes: c.Bool("yes")},
				check:   func(p plan.Plan) error { number = p.Containers[0].Point.Number; return nil },
				do:      func(how reconcile.How) (reconcile.Outcome, error) { return e.Snapshot(c.Context, s, how) },
			})
			if err == nil {
				r.say("%s: generation %d is the snapshot", s.Container, number)
			}
			return err
		},
	}
}
