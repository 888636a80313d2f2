package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) restartCommand() *cli.Command {
	return &cli.Command{
		Name: "restart", Category: "running", Usage: "stop and start; brings into effect what was waiting for it", ArgsUsage: "NAME",
		Flags:  []cli.Flag{timeoutFlag()},
		Action: func(c *cli.Context) error { return r.patient(c, (*reconcile.Engine).Restart) },
	}
}
