package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/reconcile/plan"
)

func (r *run) diffGenerationsCommand() *cli.Command {
	return &cli.Command{
		Name: "diff-generations", Category: "generations",
		Usage: "compare two generations of a container; the second is the current one if not given", ArgsUsage: "NAME A [B]",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit 2 when they differ"}},
		Action: r.diffGenerations,
	}
}

func (r *run) diffGenerations(c *cli.Context) error {
	args, err := arguments(c, "NAME", "A", "[B]")
	if err != nil {
		return err
	}
	a, err := number(args[1])
	if err != nil {
		return err
	}
	b := 0
	if len(args) > 2 {
		if b, err = number(args[2]); err != nil {
			return err
		}
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	changes, b, err := difference(e, args[0], a, b)
	if err != nil {
		return err
	}
	if err := r.showDifference(args[0], a, b, changes); err != nil {
		return err
	}
	if c.Bool("detailed-exitcode") && len(changes) > 0 {
		return exitCode(differentCode)
	}
	return nil
}

func difference(e *reconcile.Engine, name string, a, b int) ([]plan.Change, int, error) {
	_, from, err := e.Generation(name, a)
	if err != nil {
		return nil, b, err
	}
	entry, to, err := e.Generation(name, b)
	if err != nil {
		return nil, b, err
	}
	return plan.Between(from, to), entry.Number, nil
}

func (r *run) showDifference(name string, a, b int, changes []plan.Change) error {
	if r.g.JSON {
		if changes == nil {
			changes = []plan.Change{}
		}
		return view.JSON(r.Stdout, struct {
			Version int           `json:"version"`
			Name    string        `json:"name"`
			From    int           `json:"from"`
			To      int           `json:"to"`
			Changes []plan.Change `json:"changes"`
		}{1, name, a, b, changes})
	}
	return view.Difference(r.Stdout, view.Pair{Name: name, From: a, To: b}, changes, r.style(r.Stdout))
}
