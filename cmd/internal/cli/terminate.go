package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) terminateCommand() *cli.Command {
	return &cli.Command{
		Name: "terminate", Category: "running", Usage: "kill a container; it stays stopped until `strake start`", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error { return r.verb(c, (*reconcile.Engine).Terminate) },
	}
}
