// Package retain decides which generations to keep and which to drop, and
// says why. It is a pure function of what it is given: it deletes nothing,
// reads nothing and asks no clock. What is in use, pinned, or the way back
// is kept whatever the wish.
package retain

import (
	"fmt"
	"slices"
	"time"
)

// Generation is what the decision needs to know of one.
type Generation struct {
	Number  int
	Created time.Time
}

// State is a container's generations, in any order, and which of them are
// needed. A number of 0 means none.
type State struct {
	Generations []Generation
	Current     int
	Running     int   // the one that the running init was started from
	BackTo      int   // where a rollback leads
	Held        int   // the one that a hold speaks of
	Pins        []int // kept by hand
	Now         time.Time
}

// Verdict is the decision on one generation.
type Verdict struct {
	Number int
	Keep   bool
	Reason string
	Named  bool // by its own number: a Keep is then a refusal
	Ranged bool // within a range that was named: a Keep is worth a word
}

// Keep decides on every generation, by number.
func Keep(s State, p Policy) []Verdict {
	list := slices.SortedFunc(slices.Values(s.Generations), func(a, b Generation) int { return a.Number - b.Number })
	verdicts := make([]Verdict, len(list))
	for i, g := range list {
		verdicts[i] = s.judge(g, len(list)-i, p)
	}
	return verdicts
}

// judge decides on one; rank is its place from the newest, which is 1.
func (s State) judge(g Generation, rank int, p Policy) Verdict {
	span, spanned := p.span(g.Number)
	v := Verdict{Number: g.Number, Named: p.names(g.Number)}
	v.Ranged = spanned && !v.Named
	if why := s.needed(g.Number); why != "" {
		v.Keep, v.Reason = true, why
		return v
	}
	if spanned {
		v.Reason = "named by " + span.String()
		return v
	}
	v.Keep, v.Reason = p.judge(rank, s.Now.Sub(g.Created))
	return v
}

func (s State) needed(n int) string {
	switch n {
	case s.Current:
		return "current"
	case s.Running:
		return "running"
	case s.BackTo:
		return "rollback leads to it"
	case s.Held:
		return "on hold"
	}
	if slices.Contains(s.Pins, n) {
		return "pinned"
	}
	return ""
}

// judge applies the rules: each given one can keep.
func (p Policy) judge(rank int, age time.Duration) (keep bool, reason string) {
	switch {
	case !p.Old && p.Last == 0 && p.Age == 0:
		return true, "not asked for"
	case p.Last > 0 && rank <= p.Last:
		return true, fmt.Sprintf("one of the last %d", p.Last)
	case p.Age > 0 && age <= p.Age:
		return true, "not older than " + days(p.Age)
	case p.Age > 0:
		return false, "older than " + days(p.Age)
	case p.Last > 0:
		return false, fmt.Sprintf("not one of the last %d", p.Last)
	}
	return false, "old"
}
