package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// secretCommand is for those who write secrets; what containers have of them
// no command shows.
func (r *run) secretCommand() *cli.Command {
	return &cli.Command{
		Name: "secret", Category: "about strake",
		Usage: "print what secrets are encrypted to for this host; makes the host's key at first use", ArgsUsage: "recipient",
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "recipient")
			if err != nil {
				return err
			}
			if args[0] != "recipient" {
				return unknown("command", "secret "+args[0], []string{"secret recipient"})
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			recipient, err := e.Recipient()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(r.Stdout, recipient)
			return err
		},
	}
}
