package cli

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/view"
	"strake/spec"
)

func (r *run) syncCommand() *cli.Command {
	return &cli.Command{
		Name: "sync", Category: "agent",
		Usage: "do once what the agent does with a source, or with all", ArgsUsage: "[NAME]",
		Flags: []cli.Flag{
			agentFlag(),
			&cli.StringFlag{Name: "commit", Usage: "this `COMMIT`, instead of the newest"},
			&cli.BoolFlag{Name: "rewritten", Usage: "the commit need not come after the one that was applied"},
			&cli.BoolFlag{Name: "again", Usage: "try again what failed before"},
		},
		Action: r.sync,
	}
}

func (r *run) sync(c *cli.Context) error {
	args, err := arguments(c, "[NAME]")
	if err != nil {
		return err
	}
	conf, err := r.agentConfig(c)
	if err != nil {
		return err
	}
	sources := conf.Sources
	if name := optional(args, 0); name != "" {
		if sources, err = only(conf, name); err != nil {
			return err
		}
	}
	if len(sources) != 1 && (c.IsSet("commit") || c.Bool("rewritten")) {
		return usage("--commit and --rewritten are about one source: strake sync NAME")
	}
	opt, err := r.agentOptions(c)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range sources {
		err := r.syncOne(c, opt, s)
		if err != nil && len(sources) > 1 {
			err = fmt.Errorf("source %s: %w", s.Name, err)
		}
		errs = append(errs, err)
	}
	if len(sources) == 1 {
		return errs[0] // diagnostics as they are
	}
	return errors.Join(errs...)
}

// only is the source of that name.
func only(conf spec.Agent, name string) ([]spec.Source, error) {
	var known []string
	for _, s := range conf.Sources {
		if s.Name == name {
			return []spec.Source{s}, nil
		}
		known = append(known, s.Name)
	}
	return nil, unknown("source", name, known)
}

func (r *run) syncOne(c *cli.Context, opt agent.Options, s spec.Source) error {
	rep, err := agent.Sync(c.Context, opt, s, agent.Order{Commit: c.String("commit"), Rewritten: c.Bool("rewritten"), Again: c.Bool("again")})
	if r.g.JSON {
		return errors.Join(err, view.JSON(r.Stdout, struct {
			Version int            `json:"version"`
			Source  agent.Standing `json:"source"`
		}{1, rep.Standing}))
	}
	if !r.g.Quiet && rep.Plan.Version != 0 {
		_ = view.Plan(r.Stderr, rep.Plan, view.PlanOptions{Style: r.style(r.Stderr)})
		if rep.Outcome.Run.ID != "" || rep.Outcome.Empty {
			_ = view.Outcome(r.Stderr, rep.Plan, rep.Outcome, r.style(r.Stderr))
		}
	}
	if st := rep.Standing; err == nil && st.State != agent.OK {
		r.say("source %s is %s: %s", st.Name, st.State, st.Text)
	}
	return err
}
