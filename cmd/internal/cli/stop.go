package cli

import (
	"context"
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
	"strake/reconcile/resource"
)

func (r *run) stopCommand() *cli.Command {
	return &cli.Command{
		Name: "stop", Category: "running", Usage: "shut a container down; it stays stopped until `strake start`", ArgsUsage: "NAME",
		Flags: []cli.Flag{timeoutFlag()},
		Action: func(c *cli.Context) error {
			return r.patient(c, func(e *reconcile.Engine, ctx context.Context, name string, d time.Duration) error {
				err := e.Stop(ctx, name, d)
				if errors.Is(err, resource.ErrKilled) {
					r.say("%v", err) // it is stopped, which is what was asked for
					return nil
				}
				return err
			})
		},
	}
}
