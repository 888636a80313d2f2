package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) networksCommand() *cli.Command {
	return &cli.Command{
		Name: "networks", Category: "looking", Usage: "list managed networks, who is on them, and what is filtered",
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			list, err := e.Networks(c.Context)
			if err != nil {
				return err
			}
			return r.showNetworks(list)
		},
	}
}

func (r *run) showNetworks(list []reconcile.NetworkStatus) error {
	if r.g.JSON {
		if list == nil {
			list = []reconcile.NetworkStatus{}
		}
		return view.JSON(r.Stdout, struct {
			Version  int                       `json:"version"`
			Networks []reconcile.NetworkStatus `json:"networks"`
		}{1, list})
	}
	return view.Networks(list).Write(r.Stdout, r.style(r.Stdout))
}
