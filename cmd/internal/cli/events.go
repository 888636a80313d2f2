package cli

import (
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile/event"
)

func (r *run) eventsCommand() *cli.Command {
	return &cli.Command{
		Name: "events", Category: "looking",
		Usage: "tell what strake did, whichever command or agent did it", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on with what happens from now on"},
			&cli.StringFlag{Name: "since", Usage: "`WHEN` to begin: 2h ago is 2h; or a time such as 2026-01-31T12:00:00Z"},
		},
		Action: r.events,
	}
}

func (r *run) events(c *cli.Context) error {
	args, err := arguments(c, "[NAME]")
	if err != nil {
		return err
	}
	since, err := moment(c.String("since"), time.Now())
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	only := optional(args, 0)
	tell := func(ev event.Event) error {
		if only != "" && ev.Container != only {
			return nil
		}
		if r.g.JSON {
			return view.Line(r.Stdout, ev)
		}
		return view.Told(r.Stdout, ev, r.style(r.Stdout))
	}
	if !c.Bool("follow") {
		return e.Diary.Read(since, tell)
	}
	if since.IsZero() {
		since = time.Now().UTC().Truncate(time.Millisecond) // as finely as events tell it
	}
	return e.Diary.Follow(c.Context, since, tell)
}

// moment reads a time, or how long ago it was; the zero time is always.
func moment(word string, now time.Time) (time.Time, error) {
	if word == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(word); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, word, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usage("--since is how long ago, such as 90m, or a time such as 2026-01-31T12:00:00Z")
}
