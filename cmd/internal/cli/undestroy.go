package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) undestroyCommand() *cli.Command {
	return &cli.Command{
		Name: "undestroy", Category: "running",
		Usage: "bring back a container that was destroyed, with its data and generations", ArgsUsage: "NAME",
		Flags: []cli.Flag{noProbeFlag()},
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			t := reconcile.Return{Container: name, NoProbe: c.Bool("no-probe")}
			return r.carry(c, deed{do: func(how reconcile.How) (reconcile.Outcome, error) { return e.Undestroy(c.Context, t, how) }})
		},
	}
}

// showAttic lists what may be brought back.
func (r *run) showAttic(e *reconcile.Engine, args []string) error {
	list, err := e.Attic()
	if err != nil {
		return err
	}
	shown := []reconcile.Retired{}
	for _, one := range list {
		if len(args) == 0 || one.Name == args[0] {
			shown = append(shown, one)
		}
	}
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version int                 `json:"version"`
			Attic   []reconcile.Retired `json:"attic"`
		}{1, shown})
	}
	return view.Attic(shown).Write(r.Stdout, r.style(r.Stdout))
}
