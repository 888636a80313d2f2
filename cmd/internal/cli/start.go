package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) startCommand() *cli.Command {
	return &cli.Command{
		Name: "start", Category: "running", Usage: "start a container; takes back an earlier stop", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error { return r.verb(c, (*reconcile.Engine).Start) },
	}
}
