package cli

import "github.com/urfave/cli/v2"

// hookCommand is what liblxc runs before it starts a container. It adds the
// container's name, the kind of configuration and the hook's name (lxc.container.conf(5),
// CONTAINER HOOKS), which say nothing new.
func (r *run) hookCommand() *cli.Command {
	return &cli.Command{
		Name: "hook", Hidden: true, SkipFlagParsing: true, ArgsUsage: "NAME [...]",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "NAME", "[...]")
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			return e.EnsureNamed(c.Context, args[0])
		},
	}
}
