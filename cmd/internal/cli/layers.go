package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) layersCommand() *cli.Command {
	return &cli.Command{
		Name: "layers", Category: "looking", Usage: "list the system layers in the store",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			list, err := e.Layers()
			if err != nil {
				return err
			}
			if r.g.JSON {
				return view.JSON(r.Stdout, struct {
					Version int                     `json:"version"`
					Layers  []reconcile.StoredLayer `json:"layers"`
				}{1, list})
			}
			return view.Layers(list).Write(r.Stdout, r.style(r.Stdout))
		},
	}
}
