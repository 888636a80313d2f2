package reconcile

import (
	"context"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// mostFiles is how many files a plan names.
const mostFiles = 1000

// affected says which files change where a plan takes data back.
func (e *Engine) affected(ctx context.Context, p *plan.Plan) error {
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.Data == nil {
			continue
		}
		to := resource.RootOf(*c.Want)
		to.Writable = to.Writable[1:] // the new one on top holds nothing yet
		files, err := e.Host.Roots.Differ(ctx, resource.RootOf(*c.Last), to)
		if err != nil {
			return err
		}
		c.Data.Count, c.Data.Files = len(files), files[:min(len(files), mostFiles)]
	}
	return nil
}
