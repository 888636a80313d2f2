package cli

import "github.com/urfave/cli/v2"

func (r *run) releaseCommand() *cli.Command {
	return &cli.Command{
		Name: "release", Category: "generations", Usage: "take the hold off what was rolled back", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			return e.Release(c.Context, name)
		},
	}
}
