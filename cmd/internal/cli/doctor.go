package cli

import (
	"os"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile/host/kernel"
	"strake/reconcile/host/lxc"
	"strake/reconcile/host/subid"
	"strake/reconcile/idmap"
)

func (r *run) doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Category: "about strake", Usage: "check host and kernel; exit 1 when containers can't be made",
		Flags:  []cli.Flag{&cli.IntFlag{Name: "containers", Value: 100, Usage: "how many containers there will be"}},
		Action: r.doctor,
	}
}

func (r *run) doctor(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	facts, err := kernel.Read(os.DirFS("/"))
	if err != nil {
		return err
	}
	pools, err := subid.Files("/etc")
	if err != nil {
		return err
	}
	list := kernel.Findings(facts, kernel.Host{
		LXC: new(lxc.Runtime).Version(), SubUIDs: total(pools[0]), SubGIDs: total(pools[1]),
		StateDir: r.g.StateDir, Containers: c.Int("containers"),
	})
	if err := r.showFindings(list); err != nil {
		return err
	}
	for _, f := range list {
		if f.Level == kernel.Fail {
			return exitCode(failedCode)
		}
	}
	return nil
}

func total(ranges []idmap.Range) uint64 {
	var sum uint64
	for _, g := range ranges {
		sum += uint64(g.Size)
	}
	return sum
}

func (r *run) showFindings(list []kernel.Finding) error {
	if r.g.JSON {
		return view.JSON(r.Stdout, struct {
			Version  int              `json:"version"`
			Findings []kernel.Finding `json:"findings"`
		}{1, list})
	}
	return view.Findings(r.Stdout, list, r.style(r.Stdout))
}
