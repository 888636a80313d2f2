package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) freezeCommand() *cli.Command {
	return &cli.Command{
		Name: "freeze", Category: "running", Usage: "stop all processes where they are", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error { return r.verb(c, (*reconcile.Engine).Freeze) },
	}
}
