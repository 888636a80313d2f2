package lang

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"

	"strake/spec"
)

// stacked is what profiles give to the block that uses them.
type stacked struct {
	settings layer[spec.Container]
	locks    map[string]hcl.Range // paths that nothing on top may set
}

// profile is a named part of containers. It is evaluated once, when it is
// first used; all that are never used are evaluated at the end, for their
// mistakes.
type profile struct {
	block  *hcl.Block
	body   body[spec.Container]
	busy   bool
	result *stacked
}

func (l *loader) profileBlock() *block[spec.Container] {
	table := l.containerBlock()
	table.head = []string{"profiles", "unset", "locked"}
	delete(table.settings, "hostname")
	return table
}

func (l *loader) readProfiles(blocks hcl.Blocks) {
	table := l.profileBlock()
	for _, b := range firsts(blocks) {
		l.layers[b.Labels[0]] = &profile{block: b, body: open(l, b.Body, table, l.scope.base)}
	}
	for _, b := range firsts(blocks) {
		l.profile(b.Labels[0], nil)
	}
}

// profile evaluates a profile with those that it uses. path leads to it.
func (l *loader) profile(name string, path []string) stacked {
	p := l.layers[name]
	if p.result != nil {
		return *p.result
	}
	p.busy = true
	path = append(path, name)
	lower := l.below(p.body.head, l.scope.base, path)
	upper := lay(l, p.body.items, l.scope.base).through(name)
	l.checkLocks(lower, upper)
	s := stacked{settings: lower.settings.over(upper), locks: lower.locks}
	l.lock(p.body.head["locked"], &s)
	p.result, p.busy = &s, false
	return s
}

// below lays the profiles that a block names over one another, left to
// right, and takes away what it unsets.
func (l *loader) below(head map[string]*hcl.Attribute, ctx *hcl.EvalContext, path []string) stacked {
	s := stacked{settings: layer[spec.Container]{}}
	for _, r := range l.profileNames(head["profiles"], ctx) {
		if p := l.layers[r]; p.busy {
			names := append(slices.Clone(path[slices.Index(path, r):]), r)
			l.fail(head["profiles"].Expr.Range(), "profiles use each other in a cycle: "+ring(names), "Take one of them out.")
			continue
		}
		next := l.profile(r, path)
		l.checkLocks(s, next.settings)
		s.settings = s.settings.over(next.settings)
		s.locks = both(s.locks, next.locks)
	}
	l.unset(head["unset"], ctx, s)
	return s
}

func both(a, b map[string]hcl.Range) map[string]hcl.Range {
	if len(b) == 0 {
		return a
	}
	m := maps.Clone(b)
	maps.Copy(m, a)
	return m
}

func (l *loader) profileNames(a *hcl.Attribute, ctx *hcl.EvalContext) []string {
	v, ok := l.headValue(a, ctx)
	if !ok {
		return nil
	}
	var list []reference
	if err := gather(v, "profile", &list); err != nil {
		l.fail(a.Expr.Range(), "profiles "+err.Error(), "")
		return nil
	}
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.name
	}
	return names
}

// base is what a container block's profiles give it.
func (h *head) base(l *loader, ctx *hcl.EvalContext) stacked {
	if h.variesBelow() && ctx == l.scope.base {
		return stacked{}
	}
	return l.below(h.body.head, ctx, nil)
}

// variesBelow says whether the profiles are not the same for all instances.
func (h *head) variesBelow() bool {
	for _, name := range []string{"profiles", "unset"} {
		if a := h.body.head[name]; h.repeated && a != nil && looksAt(a.Expr, "each") {
			return true
		}
	}
	return false
}
