package cli

import (
	"context"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) pinCommand() *cli.Command {
	return &cli.Command{
		Name: "pin", Category: "generations", Usage: "keep a generation from being deleted", ArgsUsage: "NAME N",
		Action: func(c *cli.Context) error { return r.pin(c, (*reconcile.Engine).Pin) },
	}
}

func (r *run) unpinCommand() *cli.Command {
	return &cli.Command{
		Name: "unpin", Category: "generations", Usage: "take a pin away", ArgsUsage: "NAME N",
		Action: func(c *cli.Context) error { return r.pin(c, (*reconcile.Engine).Unpin) },
	}
}

func (r *run) pin(c *cli.Context, f func(*reconcile.Engine, context.Context, string, int) error) error {
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
	return f(e, c.Context, args[0], n)
}
