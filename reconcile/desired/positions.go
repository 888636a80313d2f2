package desired

import (
	"maps"
	"slices"
	"strings"

	"strake/reconcile/resource"
	"strake/spec"
)

// Positions is where each setting of one of the stack's containers was
// written, also those that another one, or another block, stands for.
func Positions(s spec.Stack, c spec.Container) map[string]spec.Pos {
	at := maps.Clone(c.At)
	for _, name := range []string{"http", "https", "no_proxy"} {
		pos, ok := c.At["proxy."+name]
		if len(c.Egress) > 0 {
			pos, ok = c.At[resource.Labelled("egress", c.Egress[0])]
		}
		if !ok {
			continue
		}
		variable := strings.TrimSuffix(name, "_proxy")
		if name == "no_proxy" {
			variable = "no"
		}
		variable += "_proxy"
		at[resource.Labelled("environment", variable)] = pos
		at[resource.Labelled("environment", strings.ToUpper(variable))] = pos
	}
	for _, e := range s.Egress {
		if slices.Contains(c.Egress, e.Name) {
			for key, pos := range e.At {
				at[resource.Labelled("egress", e.Name)+"."+key] = pos
			}
		}
	}
	return at
}
