package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) approveCommand() *cli.Command {
	return &cli.Command{
		Name: "approve", Category: "configuration",
		Usage: "carry out a plan that waits for approval; without RUN, list those that do", ArgsUsage: "[RUN]",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "show", Usage: "only show what it would do"},
			&cli.BoolFlag{Name: "decline", Usage: "drop it"},
			&cli.IntFlag{Name: "parallel", Value: 4, Usage: "how many containers at a time"},
			&cli.BoolFlag{Name: "atomic", Usage: "one failure undoes all"},
		},
		Action: r.approveRun,
	}
}

func (r *run) approveRun(c *cli.Context) error {
	args, err := arguments(c, "[RUN]")
	if err != nil {
		return err
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if c.Bool("show") || c.Bool("decline") {
			return usage("RUN is missing: strake approve RUN")
		}
		return r.listQuestions(e)
	}
	q, err := e.Question(args[0])
	switch {
	case err != nil:
		return err
	case c.Bool("show"):
		return r.showPlan(q.Plan)
	case c.Bool("decline"):
		return e.Decline(c.Context, q.Run)
	}
	return r.carry(c, deed{answers: all(q), do: func(how reconcile.How) (reconcile.Outcome, error) {
		return e.Approve(c.Context, q.Run, how)
	}})
}

// all is the answer of who names a run: it is about all that its plan asks.
func all(q reconcile.Question) answers {
	a := answers{Yes: true, Prune: true}
	for _, c := range q.Plan.Containers {
		a.Recreate, a.Remove = append(a.Recreate, c.Name), append(a.Remove, c.Name)
	}
	return a
}

func (r *run) listQuestions(e *reconcile.Engine) error {
	list, err := e.Questions()
	if err != nil {
		return err
	}
	if r.g.JSON {
		if list == nil {
			list = []reconcile.Question{}
		}
		return view.JSON(r.Stdout, struct {
			Version int                  `json:"version"`
			Waiting []reconcile.Question `json:"waiting"`
		}{1, list})
	}
	return view.Questions(list).Write(r.Stdout, r.style(r.Stdout))
}
