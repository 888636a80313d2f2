package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"strake/reconcile"
	"strake/reconcile/plan"
)

func (r *run) updateCommand() *cli.Command {
	v := &values{}
	return &cli.Command{
		Name: "update", Category: "configuration",
		Usage: "apply for one container that exists", ArgsUsage: "NAME [PATH]",
		Flags: append(append(single(v), carryFlags()...), confirmFlag()),
		Action: func(c *cli.Context) error {
			return r.applyOne(c, v, func(cp plan.ContainerPlan) error {
				if cp.Last == nil {
					return fmt.Errorf("%w: container %s does not exist yet; `strake create %s` makes it", reconcile.ErrUnknown, cp.Name, cp.Name)
				}
				return nil
			})
		},
	}
}
