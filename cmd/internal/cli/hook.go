package cli

import (
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"
)

// hookCommand is what liblxc runs before it starts a container, and once more
// when all is there but its init has not run (start-host). It adds
// the container's name, the kind of configuration and the hook's name
// (lxc.container.conf(5), CONTAINER HOOKS).
func (r *run) hookCommand() *cli.Command {
	return &cli.Command{
		Name: "hook", Hidden: true, SkipFlagParsing: true, ArgsUsage: "NAME [...]",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME", "[...]")
			if err != nil {
				return err
			}
			r.aloof = true
			e, err := r.engine()
			if err != nil {
				return err
			}
			if args[len(args)-1] == "start-host" {
				init, err := strconv.Atoi(r.env("LXC_PID"))
				if err != nil {
					return fmt.Errorf("complete %s: LXC_PID names no process", args[0])
				}
				return e.Complete(c.Context, args[0], init)
			}
			return e.EnsureNamed(c.Context, args[0])
		},
	}
}
