package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
)

func (r *run) validateCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "validate", Category: "configuration",
		Usage: "check a configuration without looking at the host", ArgsUsage: "[PATH]",
		Flags:  v.flags(),
		Action: func(c *cli.Context) error { return r.validate(c, v) },
	}
}

func (r *run) validate(c *cli.Context, v *values) error {
	args, err := arguments(c, "[PATH]")
	if err != nil {
		return err
	}
	text, stack, err := r.load(optional(args, 0), v)
	if err != nil {
		return err
	}
	if r.g.JSON {
		return view.DiagnosticsJSON(r.Stdout, r.warned)
	}
	r.say("%s: valid: stack %s, %s, %s", called(optional(args, 0), text), stack.Name,
		counted(len(stack.Containers), "container"), counted(len(stack.Networks), "network"))
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
