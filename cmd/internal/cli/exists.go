package cli

import (
	"errors"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) existsCommand() *cli.Command {
	return &cli.Command{
		Name: "exists", Category: "looking", Usage: "exit 0 if strake has the container, else 1", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			if _, _, err = e.Current(name); errors.Is(err, reconcile.ErrUnknown) {
				return exitCode(failedCode)
			}
			return err
		},
	}
}
