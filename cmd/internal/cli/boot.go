package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile/apply"
)

func (r *run) bootCommand() *cli.Command {
	return &cli.Command{
		Name: "boot", Category: "running",
		Usage: "start what starts with the host, in the generation in use, each healthy before those that need it; what the host's end cut short is resolved first",
		Flags: []cli.Flag{&cli.IntFlag{Name: "parallel", Value: 4, Usage: "how many containers at a time"}},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if c.Int("parallel") < 0 {
				return usage("--parallel counts containers at a time, from 1")
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			out, err := e.Boot(c.Context, c.Int("parallel"))
			switch {
			case out.Run.ID == "" && !out.Empty: // it did not get as far as a run
			case r.g.JSON:
				if out.Results == nil {
					out.Results = []apply.Result{}
				}
				_ = view.JSON(r.Stdout, result{1, out, out.Results})
			case !r.g.Quiet:
				_ = view.Booted(r.Stderr, out, r.style(r.Stderr))
			}
			return err
		},
	}
}
