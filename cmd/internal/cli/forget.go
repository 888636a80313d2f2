package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) forgetCommand() *cli.Command {
	return &cli.Command{
		Name: "forget", Category: "running", Usage: "stop managing a container and leave it as it is, running", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error { return r.verb(c, (*reconcile.Engine).Forget) },
	}
}
