package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) switchGenerationCommand() *cli.Command {
	return &cli.Command{
		Name: "switch-generation", Category: "generations",
		Usage: "go to any generation of a container; puts nothing on hold", ArgsUsage: "NAME N",
		Flags: append([]cli.Flag{withDataFlag(), noProbeFlag()}, carryFlags()...),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME", "N")
			if err != nil {
				return err
			}
			n, err := number(args[1])
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			return r.carry(c, deed{answers: answersOf(c), do: func(how reconcile.How) (reconcile.Outcome, error) {
				return e.Switch(c.Context, reconcile.Target{Container: args[0], Generation: n, Data: c.Bool("with-data"), NoProbe: c.Bool("no-probe")}, how)
			}})
		},
	}
}
