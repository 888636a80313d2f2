package cli

import (
	"time"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

func (r *run) confirmCommand() *cli.Command {
	return &cli.Command{
		Name: "confirm", Category: "configuration",
		Usage: "keep what was applied with --confirm; without RUN, all that waits", ArgsUsage: "[RUN]",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "reject", Usage: "take it back at once"}},
		Action: r.confirm,
	}
}

func (r *run) confirm(c *cli.Context) error {
	args, err := arguments(c, "[RUN]")
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	do, word := (*reconcile.Engine).Confirm, "confirmed"
	if c.Bool("reject") {
		do, word = (*reconcile.Engine).Reject, "taken back"
	}
	done, err := do(e, c.Context, optional(args, 0))
	for _, t := range done {
		r.say("run %s: %s", t.Run, word)
	}
	return err
}

// watchCommand is the process that stays when who applied has left: it takes
// back what is not confirmed in time.
func (r *run) watchCommand() *cli.Command {
	return &cli.Command{
		Name: "__watch", Hidden: true,
		Action: func(c *cli.Context) error {
			r.aloof = true
			d, err := r.deps()
			if err != nil {
				return err
			}
			d.Engine.Wait = patience
			return d.Engine.StandBy(c.Context)
		},
	}
}

// patience is how long the watcher waits for the lock: whoever has it takes
// back what is over when they get it, too.
const patience = 10 * time.Minute
