package plan

import (
	"slices"

	"strake/reconcile/resource"
	"strake/spec"
)

// layered is the wish with the writable layers that it comes to. A change that
// needs a restart leaves the layers as they are at that moment, and puts a new, empty
// one on top: what a generation's data were stays there to go back to. Going back to a
// generation keeps the data of today, unless Data is said.
func (t comparer) layered(s Subject) *resource.Container {
	if s.Last == nil || s.Fresh == 0 || s.Want.Image.Adopted() || s.Last.Image.Adopted() {
		return s.Want
	}
	want := *s.Want
	base, begun := s.inUse()
	if s.Point != nil {
		if !s.Point.Live {
			want.Writable = s.onTop(base)
		}
		return &want
	}
	if s.resets() {
		want.Writable = []int{s.Fresh + 1, s.Fresh}
		return &want
	}
	switch same := want.Image.Source == s.Last.Image.Source; {
	case s.Again == nil && !same:
		return s.Want // another image has a new layer of its own
	case s.Again != nil && (s.Data || !same) && !slices.Equal(want.Writable, base):
		want.Writable = s.onTop(want.Writable)
		return &want
	}
	want.Writable = base
	changed := s.Again != nil || resource.Digest(want) != resource.Digest(s.Last)
	switch {
	case begun && !changed, !t.restarts(s, want):
	case !begun:
		want.Writable = s.Last.Writable
	case changed:
		want.Writable = s.onTop(base)
	}
	return &want
}

// onTop is a new layer on others. One that is emptied at each start lies on
// none: what was there before stays with the generations that have it.
func (s Subject) onTop(layers []int) []int {
	if s.Want.Rootfs.Ephemeral {
		return []int{s.Fresh}
	}
	return append([]int{s.Fresh}, layers...)
}

// point is the snapshot that is made: of the layers in use, or of a copy of the
// top one.
func (s Subject) point() *Point {
	p := Point{Live: s.Point.Live, Number: s.Next, Layers: s.Last.Writable}
	if p.Live {
		p.Layers = s.onTop(s.Last.Writable[1:])
	}
	return &p
}

// resets says whether local changes are to be dropped, of what stays at all.
func (s Subject) resets() bool {
	return len(s.Reset) > 0 && s.Last != nil && len(s.Last.Writable) > 0 && s.Want.Image.Source == s.Last.Image.Source && !s.Want.Rootfs.Ephemeral
}

// takesDataBack says whether the wish, which is layered, is without layers
// that are in use.
func (s Subject) takesDataBack() bool {
	if !s.Data || len(s.Want.Writable) == 0 {
		return false
	}
	base, _ := s.inUse()
	return !slices.Equal(s.Want.Writable, base) && !slices.Equal(s.Want.Writable[1:], base)
}

// inUse are the layers that hold the container's data. The top one of a
// generation that waits for a restart is not begun: nothing is on it yet.
func (s Subject) inUse() (layers []int, begun bool) {
	last, have := s.Last.Writable, s.Have.Have.Writable
	if s.Have.State.Up() && len(have) > 0 && len(have) == len(last)-1 && slices.Equal(have, last[1:]) {
		return have, false
	}
	return last, true
}

// restarts says whether anything but the layers themselves needs a restart.
func (t comparer) restarts(s Subject, want resource.Container) bool {
	s.Want = &want
	changes, _ := t.compare(s)
	return slices.ContainsFunc(changes, func(c Change) bool {
		return c.Path != "writable" && c.Impact >= spec.Restart && c.Cause != Settled
	})
}
