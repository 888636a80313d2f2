package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func (r *run) stateCommand() *cli.Command {
	return &cli.Command{
		Name: "state", Category: "looking", Usage: "print the run state: RUNNING, STOPPED or FROZEN", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			s, err := e.RunState(c.Context, name)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(r.Stdout, s)
			return err
		},
	}
}
