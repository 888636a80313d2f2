package reconcile

import (
	"fmt"
	"strings"

	"strake/reconcile/plan"
)

// refuseLater refuses a plan with settings that nothing carries out yet: to
// apply the rest would be to pass them over in silence.
func refuseLater(p plan.Plan) error {
	var lines []string
	add := func(what string, list []plan.Later) {
		for _, l := range list {
			lines = append(lines, fmt.Sprintf("\n  %s: %s (%s)", what, l.Path, l.Pos))
		}
	}
	for _, n := range p.Networks {
		add("network "+n.Name, n.Later)
	}
	for _, c := range p.Containers {
		add("container "+c.Name, c.Later)
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%w: this version can't carry out yet, so nothing was done; take out:%s", ErrInvalid, strings.Join(lines, ""))
}
