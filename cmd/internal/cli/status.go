package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/api"
	"strake/cmd/internal/parts"
	"strake/cmd/internal/view"
	"strake/reconcile"
)

// beat is how often --watch looks.
const beat = 2 * time.Second

func (r *run) statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Aliases: []string{"list"}, Category: "looking",
		Usage: "show what is there and how it relates to what was applied", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "show it again every two seconds"},
			&cli.BoolFlag{Name: "attic", Usage: "what was destroyed, and until when `strake undestroy` brings it back"},
		},
		Action: r.status,
	}
}

func (r *run) status(c *cli.Context) error {
	args, err := arguments(c, "[NAME]")
	if err != nil {
		return err
	}
	if r.UID != 0 && !c.Bool("attic") {
		return r.statusFromAgent(c, args)
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	if c.Bool("attic") {
		return r.showAttic(e, args)
	}
	for {
		list, err := e.Status(c.Context, args...)
		if err == nil && r.g.JSON {
			err = e.Count(c.Context, list)
		}
		if err != nil {
			return err
		}
		if c.Bool("watch") && terminal(r.Stdout) {
			fmt.Fprint(r.Stdout, "\x1b[H\x1b[2J") // ECMA-48: cursor home, erase display
		}
		sources, err := agent.Standings(r.g.StateDir)
		if err != nil {
			r.say("warning: %v", err)
		}
		lost := e.State.LostAgent()
		if lost != "" && !r.g.JSON {
			r.say("the agent has died, which was %s; sources stand as it left them", lost)
		}
		if asked, err := e.Questions(); err == nil && len(asked) > 0 && !r.g.JSON {
			r.say("waiting for approval: %s; `strake approve` lists them", counted(len(asked), "plan"))
		}
		if err := r.showStatus(list, sources, lost, len(args) > 0); err != nil || !c.Bool("watch") {
			return err
		}
		if !pause(c.Context, beat) {
			return nil
		}
	}
}

// statusFromAgent asks the agent, for who is not root but may look.
func (r *run) statusFromAgent(c *cli.Context, args []string) error {
	agentOf := api.Dial(api.Socket(r.g.StateDir))
	for {
		var there parts.Containers
		if err := agentOf.Get(c.Context, "/v1/containers", &there); err != nil {
			return fmt.Errorf("%w (%w)", errNotRoot, err)
		}
		var how agent.Status
		if err := agentOf.Get(c.Context, "/v1/status", &how); err != nil {
			return err
		}
		list := there.Containers
		if name := optional(args, 0); name != "" {
			list = slices.DeleteFunc(list, func(s reconcile.Status) bool { return s.Name != name })
			if len(list) == 0 {
				return fmt.Errorf("%w: no container %q", reconcile.ErrUnknown, name)
			}
		}
		if err := r.showStatus(list, how.Sources, "", len(args) > 0); err != nil || !c.Bool("watch") {
			return err
		}
		if !pause(c.Context, beat) {
			return nil
		}
	}
}

// pause waits and says whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (r *run) showStatus(list []reconcile.Status, sources []agent.Standing, lost string, detail bool) error {
	if r.g.JSON {
		if list == nil {
			list = []reconcile.Status{}
		}
		return view.JSON(r.Stdout, struct {
			Version    int                `json:"version"`
			Containers []reconcile.Status `json:"containers"`
			Sources    []agent.Standing   `json:"sources,omitempty"`
			Lost       string             `json:"lost_agent,omitempty"`
		}{1, list, sources, lost})
	}
	if len(list) == 0 && terminal(r.Stdout) {
		r.say("no containers; `strake apply PATH` makes what a configuration says")
	}
	if err := view.Statuses(list).Write(r.Stdout, r.style(r.Stdout)); err != nil || r.g.Plain {
		return err
	}
	if !detail {
		return r.showSources(sources)
	}
	return view.Detail(r.Stdout, list[0], r.style(r.Stdout))
}

// showSources adds how the agent's sources stand, where there are any.
func (r *run) showSources(list []agent.Standing) error {
	if len(list) == 0 {
		return nil
	}
	fmt.Fprintln(r.Stdout)
	return view.Sources(list).Write(r.Stdout, r.style(r.Stdout))
}

// one is the command line of the many commands that are about one container.
func (r *run) one(c *cli.Context) (string, error) {
	args, err := arguments(c, "NAME")
	if err != nil {
		return "", err
	}
	return args[0], nil
}
