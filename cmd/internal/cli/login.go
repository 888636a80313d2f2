package cli

import (
	"github.com/urfave/cli/v2"

	"strake/reconcile/host/lxc"
)

// shell takes the best shell that the container has.
const shell = `cd "$HOME" 2>/dev/null; command -v bash >/dev/null 2>&1 && exec bash -l; exec sh -l`

func (r *run) loginCommand() *cli.Command {
	return &cli.Command{
		Name: "login", Category: "running", Usage: "open a shell in a container", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			return r.inside(c.Context, name, lxc.Command{Args: []string{"sh", "-c", shell}, TTY: terminal(r.Stdin) && terminal(r.Stdout)})
		},
	}
}
