package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
	"strake/reconcile/resource"
)

func (r *run) showGenerationCommand() *cli.Command {
	return &cli.Command{
		Name: "show-generation", Category: "generations",
		Usage: "show one generation of a container: when, why, and what it is made of", ArgsUsage: "NAME [N]",
		Action: r.showGeneration,
	}
}

func (r *run) showGeneration(c *cli.Context) error {
	args, err := arguments(c, "NAME", "[N]")
	if err != nil {
		return err
	}
	n := 0
	if len(args) > 1 {
		if n, err = number(args[1]); err != nil {
			return err
		}
	}
	e, err := r.engine()
	if err != nil {
		return err
	}
	entry, made, err := e.Generation(args[0], n)
	if err != nil {
		return err
	}
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version    int                `json:"version"`
			Generation reconcile.Entry    `json:"generation"`
			Desired    resource.Container `json:"desired"`
		}{1, entry, made})
	}
	return view.Generation(r.Stdout, entry, made, r.style(r.Stdout))
}
