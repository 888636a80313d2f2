package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) unfreezeCommand() *cli.Command {
	return &cli.Command{
		Name: "unfreeze", Category: "running", Usage: "let frozen processes go on", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error { return r.verb(c, (*reconcile.Engine).Unfreeze) },
	}
}
