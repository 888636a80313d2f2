package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func (r *run) manCommand() *cli.Command {
	return &cli.Command{
		Name: "man", Category: "about strake", Usage: "print the manual page; `strake man | man -l -` shows it",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			page, err := c.App.ToManWithSection(8)
			if err != nil {
				return fmt.Errorf("make the manual page: %w", err)
			}
			_, err = fmt.Fprint(r.Stdout, page)
			return err
		},
	}
}
