package cli

import (
	"time"

	"github.com/urfave/cli/v2"

	"strake/cmd/internal/view"
	"strake/reconcile"
)

func (r *run) gcCommand() *cli.Command {
	return &cli.Command{
		Name: "gc", Category: "generations",
		Usage: "throw away what nobody needs: retired containers after 7 days, unused images and layers, leftovers; no generations",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would go"},
		},
		Action: r.gc,
	}
}

func (r *run) gc(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	d, err := r.deps()
	if err != nil {
		return err
	}
	how := reconcile.Collection{
		Now: time.Now(), Remove: d.Images.Remove, Approve: r.showGarbage,
		Images: func() ([]reconcile.Stored, error) { return stored(d.Images) },
	}
	if c.Bool("dry-run") {
		list, err := d.Engine.Garbage(c.Context, how)
		if err != nil {
			return err
		}
		return r.showGarbage(list)
	}
	list, err := d.Engine.Collect(c.Context, how)
	if err == nil {
		r.say("removed %s", counted(len(list), "thing"))
	}
	return err
}

func stored(store images) ([]reconcile.Stored, error) {
	metas, err := store.List()
	var list []reconcile.Stored
	for _, m := range metas {
		list = append(list, reconcile.Stored{Digest: m.Digest, Source: m.Source})
	}
	return list, err
}

// showGarbage says what goes and why, before it does.
func (r *run) showGarbage(list []reconcile.Garbage) error {
	if r.g.JSON {
		if list == nil {
			list = []reconcile.Garbage{}
		}
		return view.JSON(r.Stdout, struct {
			Version int                 `json:"version"`
			Garbage []reconcile.Garbage `json:"garbage"`
		}{1, list})
	}
	return view.Garbage(list).Write(r.Stdout, r.style(r.Stdout))
}
