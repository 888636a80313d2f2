package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) destroyCommand() *cli.Command {
	return &cli.Command{
		Name: "destroy", Category: "running",
		Usage: "put a container into the attic, for 7 days; host folders stay", ArgsUsage: "NAME",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "also while it runs"},
			&cli.BoolFlag{Name: "purge", Usage: "delete it at once, with all its generations"},
			&cli.BoolFlag{Name: "with-volumes", Usage: "delete the data of its volumes too, which nobody else uses; wants --purge"},
			&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "without asking for its name"},
		},
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			d := reconcile.Destruction{Force: c.Bool("force"), Purge: c.Bool("purge"), Volumes: c.Bool("with-volumes")}
			return r.carry(c, deed{
				answers: answers{Yes: c.Bool("yes"), Named: true},
				do:      func(how reconcile.How) (reconcile.Outcome, error) { return e.Destroy(c.Context, name, d, how) },
			})
		},
	}
}
