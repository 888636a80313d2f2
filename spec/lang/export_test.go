package lang

import (
	"strake/spec"
	"strake/spec/source"
)

// LoadWithin is Load with a part of what expressions may make: what ends at a
// tenth of a bound ends at all of it, in ten times the time.
func LoadWithin(part int, text source.Text, vars Variables) (spec.Stack, Diagnostics) {
	l := newLoader(text)
	l.budget.left /= part
	return l.load(vars)
}
