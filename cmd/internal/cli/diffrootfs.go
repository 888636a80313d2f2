package cli

import (
	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile/resource"
)

func (r *run) diffRootfsCommand() *cli.Command {
	return &cli.Command{
		Name: "diff-rootfs", Category: "generations",
		Usage: "list what a container changed against its image", ArgsUsage: "NAME",
		Action: func(c *cli.Context) error {
			name, err := r.one(c)
			if err != nil {
				return err
			}
			e, err := r.engine()
			if err != nil {
				return err
			}
			list, err := e.DiffRootfs(c.Context, name)
			if err != nil {
				return err
			}
			if r.g.JSON {
				if list == nil {
					list = []resource.FileChange{}
				}
				return view.JSON(r.Stdout, struct {
					Version int                   `json:"version"`
					Files   []resource.FileChange `json:"files"`
				}{1, list})
			}
			return view.Files(list).Write(r.Stdout, r.style(r.Stdout))
		},
	}
}
