package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) rollbackCommand() *cli.Command {
	return &cli.Command{
		Name: "rollback", Category: "generations",
		Usage:     "go back to the generation that was in use before, or to N; puts a hold on what is left",
		ArgsUsage: "NAME [N] | --stack STACK [N]",
		Flags:     append([]cli.Flag{&cli.StringFlag{Name: "stack", Usage: "a whole stack, `NAME`, with its networks"}, withDataFlag(), noProbeFlag()}, carryFlags()...),
		Action:    r.rollback,
	}
}

// withDataFlag has a container's files go back too.
func withDataFlag() cli.Flag {
	return &cli.BoolFlag{Name: "with-data", Usage: "bring back its data too; newer data are put aside, until gc"}
}

func (r *run) rollback(c *cli.Context) error {
	if c.IsSet("stack") {
		return r.rollbackStack(c)
	}
	args, err := arguments(c, "NAME", "[N]")
	if err != nil {
		return err
	}
	t := reconcile.Target{Container: args[0], Data: c.Bool("with-data"), NoProbe: c.Bool("no-probe")}
	if len(args) > 1 {
		if t.Generation, err = number(args[1]); err != nil {
			return err
		}
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	return r.carry(c, deed{answers: answersOf(c), do: func(how reconcile.How) (reconcile.Outcome, error) {
		return e.Rollback(c.Context, t, how)
	}})
}

func (r *run) rollbackStack(c *cli.Context) error {
	args, err := arguments(c, "[N]")
	if err != nil {
		return err
	}
	n := 0
	if len(args) > 0 {
		if n, err = number(args[0]); err != nil {
			return err
		}
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	return r.carry(c, deed{answers: answersOf(c), do: func(how reconcile.How) (reconcile.Outcome, error) {
		return e.RollbackStack(c.Context, reconcile.StackTarget{Stack: c.String("stack"), Generation: n, Data: c.Bool("with-data"), NoProbe: c.Bool("no-probe")}, how)
	}})
}
