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
	conf, err := r.load(optional(args, 0), v)
	if err != nil {
		return err
	}
	if r.g.JSON {
		return view.DiagnosticsJSON(r.Stdout, r.warned)
	}
	r.say("%s: valid: stack %s, %s, %s", conf.Called(), conf.Stack.Name,
		counted(len(conf.Stack.Containers), "container"), counted(len(conf.Stack.Networks), "network"))
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
