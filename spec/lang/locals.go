package lang

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// readLocals evaluates the locals in the order that their references ask for.
func (l *loader) readLocals(blocks hcl.Blocks) {
	s := solver{l: l, attrs: map[string]*hcl.Attribute{}, values: map[string]cty.Value{}, busy: map[string]bool{}}
	for _, b := range blocks {
		attrs, diags := b.Body.JustAttributes()
		l.diags = append(l.diags, diags...)
		for _, name := range slices.Sorted(maps.Keys(attrs)) {
			if other := s.attrs[name]; other != nil {
				l.fail(attrs[name].NameRange, "there are two locals "+quote(name), "The other one is at "+place(other.NameRange).String()+".")
				continue
			}
			s.attrs[name] = attrs[name]
			l.scope.declare("local", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.attrs)) {
		s.solve(name)
	}
	l.scope.bind("local", s.values)
}

type solver struct {
	l      *loader
	attrs  map[string]*hcl.Attribute
	values map[string]cty.Value
	busy   map[string]bool
	path   []string
}

// solve evaluates one local after those that it refers to. Its context holds
// just those: one that holds all would have to be made anew for each.
func (s *solver) solve(name string) {
	if _, done := s.values[name]; done {
		return
	}
	a := s.attrs[name]
	s.values[name] = cty.DynamicVal // stays so if it can't be had
	s.busy[name] = true
	s.path = append(s.path, name)
	defer func() {
		s.busy[name] = false
		s.path = s.path[:len(s.path)-1]
	}()
	if diags := s.l.scope.check(a.Expr); diags.HasErrors() {
		s.l.diags = append(s.l.diags, diags...)
		return
	}
	needs := map[string]cty.Value{}
	for _, t := range a.Expr.Variables() {
		if t.RootName() != "local" {
			continue
		}
		other, _ := second(t)
		if s.busy[other] {
			s.cycle(other, t.SourceRange())
			return
		}
		s.solve(other)
		needs[other] = s.values[other]
	}
	ctx := s.l.scope.base.NewChild()
	ctx.Variables = map[string]cty.Value{"local": cty.ObjectVal(needs)}
	v, diags := a.Expr.Value(ctx)
	s.l.diags = append(s.l.diags, diags...)
	if weight(v, mostWeight) < 0 {
		s.l.fail(a.Expr.Range(), "local "+quote(name)+" is too large", fmt.Sprintf("It has more than %d MiB. Does it double what doubles another?", mostWeight>>20))
		return
	}
	s.values[name] = v
}

// mostWeight bounds a local: a few that each double the one before would
// otherwise take all memory that there is.
const mostWeight = 64 << 20

// weight takes what a value holds, in bytes more or less, off left and stops
// below zero.
func weight(v cty.Value, left int) int {
	v, _ = v.Unmark()
	left -= 128
	switch {
	case left < 0, !v.IsKnown(), v.IsNull():
	case v.Type() == cty.String:
		left -= len(v.AsString())
	case v.CanIterateElements():
		for it := v.ElementIterator(); left >= 0 && it.Next(); {
			_, e := it.Element()
			left = weight(e, left)
		}
	}
	return left
}

func (s *solver) cycle(name string, at hcl.Range) {
	i := slices.Index(s.path, name)
	names := append(slices.Clone(s.path[i:]), name)
	s.l.fail(at, "locals refer to each other in a cycle: "+ring(names), "None of them can be computed first. Take one of these references out.")
}
