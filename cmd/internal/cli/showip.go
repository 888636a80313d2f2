package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func (r *run) showIPCommand() *cli.Command {
	return &cli.Command{
		Name: "show-ip", Category: "looking", Usage: "print the container's addresses, IPv4 first", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			list, err := e.Addresses(c.Context, name)
			for _, a := range list {
				fmt.Fprintln(r.Stdout, a)
			}
			return err
		},
	}
}
