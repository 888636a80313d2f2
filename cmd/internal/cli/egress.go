package cli

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/hugeheap"
	"strake/cmd/internal/view"
	"strake/reconcile/host/egress"
	"strake/reconcile/host/egress/porter"
)

// proxy is the way out of containers: the process, and its log.
type proxy interface {
	Serve(ctx context.Context, s porter.Serving) error
	Attempts(ctx context.Context, container string, follow bool, f func(egress.Attempt) error) error
}

// idleEgress is how long a proxy goes on that strake has started by itself,
// when no container that runs needs it.
const idleEgress = 3 * time.Second

func (r *run) egressCommand() *cli.Command {
	return &cli.Command{
		Name: "egress", Category: "looking",
		Usage: "log NAME: what a container wanted of the world; suggest NAME: the list that would allow it; serve: the proxy itself", ArgsUsage: "VERB [NAME]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "with log: go on with what comes"},
			&cli.BoolFlag{Name: "on-demand", Usage: "with serve: end when nobody needs it", Hidden: true},
			&cli.BoolFlag{Name: "keep-root", Usage: "with serve: stay root, where no user owns nothing"},
		},
		Action: r.egress,
	}
}

func (r *run) egress(c *cli.Context) error {
	args, err := arguments(c, "VERB", "[NAME]")
	if err != nil {
		return err
	}
	verb, name := args[0], optional(args, 1)
	switch named := verb == "log" || verb == "suggest"; {
	case !named && verb != "serve" && verb != "open":
		return unknown("command", "egress "+verb, []string{"egress log", "egress suggest", "egress serve"})
	case named && name == "":
		return usage("NAME is missing: strake egress %s NAME", verb)
	case !named && name != "":
		return usage("too many arguments, %q: strake egress %s", name, verb)
	}
	d, err := r.deps()
	if err != nil {
		return err
	}
	switch verb {
	case "serve":
		return r.serveEgress(c, d.Proxy)
	case "open":
		return d.Engine.OpenOutlets(c.Context)
	}
	if _, _, err := d.Engine.Current(name); err != nil {
		return err
	}
	if verb == "suggest" {
		return r.suggest(c.Context, d.Proxy, name)
	}
	return d.Proxy.Attempts(c.Context, name, c.Bool("follow"), r.showAttempt)
}

// serveEgress is the proxy. It lives long, and holds little: its garbage is
// collected as usual again. It works on one core: to wake a thread on another takes
// longer than what a request has to do here.
func (r *run) serveEgress(c *cli.Context, p proxy) error {
	debug.SetGCPercent(100)
	runtime.GOMAXPROCS(1)
	hugeheap.Small()
	s := porter.Serving{Log: slog.New(slog.NewTextHandler(r.Stderr, nil)), Nobody: !c.Bool("keep-root")}
	if c.Bool("on-demand") {
		s.Idle = idleEgress
	}
	return p.Serve(c.Context, s)
}

func (r *run) showAttempt(a egress.Attempt) error {
	if r.g.JSON {
		return view.JSONLine(r.Stdout, a)
	}
	_, err := fmt.Fprintln(r.Stdout, view.Attempt(a, r.g.Plain))
	return err
}

// suggest prints an egress block that allows what report mode has let through.
func (r *run) suggest(ctx context.Context, p proxy, name string) error {
	var seen []egress.Attempt
	err := p.Attempts(ctx, name, false, func(a egress.Attempt) error {
		if a.Verdict == egress.Reported {
			seen = append(seen, a)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s := egress.Suggest(seen)
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version int      `json:"version"`
			Allow   []string `json:"allow"`
			Ports   []int    `json:"ports"`
		}{1, append([]string{}, s.Allow...), append([]int{}, s.Ports...)})
	}
	if len(s.Allow) == 0 {
		r.say("report mode has let nothing of %s through that no list allows", name)
		return nil
	}
	_, err = fmt.Fprint(r.Stdout, view.EgressBlock(name, s.Allow, s.Ports))
	return err
}
