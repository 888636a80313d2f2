package cli

import (
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func (r *run) suspendCommand() *cli.Command {
	return &cli.Command{
		Name: "suspend", Category: "running",
		Usage: "keep apply and the agent from changing a container, or all", ArgsUsage: "NAME|--all [REASON...]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "whatever there is, and what there will be"},
			&cli.DurationFlag{Name: "for", Usage: "it ends by itself after this `TIME`"},
		},
		Action: r.suspend,
	}
}

func (r *run) suspend(c *cli.Context) error {
	name, reason, err := oneOrAll(c, "[REASON...]")
	if err != nil {
		return err
	}
	var until time.Time
	if c.IsSet("for") {
		if c.Duration("for") < time.Second {
			return usage("--for takes a time, such as 2h")
		}
		until = time.Now().Add(c.Duration("for")).UTC().Truncate(time.Second)
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	return e.Suspend(c.Context, name, until, strings.Join(reason, " "))
}

func (r *run) resumeCommand() *cli.Command {
	return &cli.Command{
		Name: "resume", Category: "running",
		Usage: "let apply and the agent change it again", ArgsUsage: "NAME|--all",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "take back `suspend --all`; those that were suspended by name stay so"}},
		Action: func(c *cli.Context) error {
			name, _, err := oneOrAll(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			return e.Resume(c.Context, name)
		},
	}
}

// oneOrAll is a command line that is about one container, or ("") all, and
// what follows.
func oneOrAll(c *cli.Context, more ...string) (name string, rest []string, err error) {
	if c.Bool("all") {
		rest, err = arguments(c, more...)
		return "", rest, err
	}
	args, err := arguments(c, append([]string{"NAME"}, more...)...)
	if err != nil {
		return "", nil, err
	}
	return args[0], args[1:], nil
}
