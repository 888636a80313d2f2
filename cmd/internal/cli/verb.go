package cli

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
)

// verb does one thing to one container.
func (r *run) verb(c *cli.Context, do func(*reconcile.Engine, context.Context, string) error) error {
	name, err := r.one(c)
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	return do(e, c.Context, name)
}

// timeoutFlag is how long init may take to shut down.
func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Aliases: []string{"t"}, Value: 30 * time.Second, Usage: "kill what has not shut down after this long"}
}

// patient is verb with that timeout.
func (r *run) patient(c *cli.Context, do func(*reconcile.Engine, context.Context, string, time.Duration) error) error {
	d := c.Duration("timeout")
	if d < 0 {
		return usage("--timeout is a duration such as 30s")
	}
	return r.verb(c, func(e *reconcile.Engine, ctx context.Context, name string) error { return do(e, ctx, name, d) })
}
