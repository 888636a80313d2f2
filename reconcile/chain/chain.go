// Package chain knows how the writable layers of a container hang together. A
// stack of them is mounted from pieces: a piece is one layer, or several that
// followed one another and were merged. The package says which pieces a stack
// is mounted from, which merges are worth while, and which pieces nobody needs. It
// is pure: it moves nothing on any disk.
package chain

import (
	"cmp"
	"fmt"
	"slices"
)

// Piece is what lies in one place: the numbers of its layers, the newest
// first.
type Piece []int

// Name tells pieces apart: "4", or "4-2" of one that was merged.
func (p Piece) Name() string {
	if len(p) == 1 {
		return fmt.Sprint(p[0])
	}
	return fmt.Sprintf("%d-%d", p[0], p[len(p)-1])
}

// Among says whether it is one of the list.
func (p Piece) Among(list []Piece) bool { return slices.ContainsFunc(list, p.is) }

func compare(a, b Piece) int { return slices.Compare(a, b) }

// Resolve says which pieces a stack is mounted from: the fewest, and of equal
// ways the one with the longest on top. False where some layer is in none.
func Resolve(stack []int, have []Piece) ([]Piece, bool) {
	next, count := make([]Piece, len(stack)), make([]int, len(stack)+1)
	for i := len(stack) - 1; i >= 0; i-- {
		count[i] = -1
		for _, p := range have {
			if !begins(stack[i:], p) || count[i+len(p)] < 0 {
				continue
			}
			n := count[i+len(p)] + 1
			if count[i] < 0 || n < count[i] || n == count[i] && len(p) > len(next[i]) {
				next[i], count[i] = p, n
			}
		}
	}
	if count[0] < 0 {
		return nil, false
	}
	var list []Piece
	for i := 0; i < len(stack); i += len(next[i]) {
		list = append(list, next[i])
	}
	return list, true
}

func begins(stack []int, p Piece) bool {
	return len(p) > 0 && len(p) <= len(stack) && slices.Equal(stack[:len(p)], p)
}

// Mounted is Resolve for a stack whose top is written to: that one is a layer
// of its own.
func Mounted(stack []int, have []Piece) ([]Piece, bool) {
	if len(stack) == 0 || !(Piece{stack[0]}).Among(have) {
		return nil, false
	}
	rest, ok := Resolve(stack[1:], have)
	return append([]Piece{{stack[0]}}, rest...), ok
}

func (p Piece) is(other Piece) bool { return slices.Equal(p, other) }

// Stack is what a generation has.
type Stack struct {
	Layers []int
	Active bool // its top layer may be written to
}

// Merges lists what is worth while: layers that no stack needs apart, which is
// where no stack ends and no two of them part.
func Merges(stacks []Stack, have []Piece) []Piece {
	ends, above := map[int]bool{}, map[int]map[int]bool{}
	for _, s := range stacks {
		for i, n := range s.Layers {
			ends[n] = ends[n] || i == 0
			if above[n] == nil {
				above[n] = map[int]bool{}
			}
			if i > 0 {
				above[n][s.Layers[i-1]] = true
			}
		}
	}
	var list []Piece
	for _, s := range stacks {
		layers := s.Layers
		if s.Active && len(layers) > 0 {
			layers = layers[1:]
		}
		for len(layers) > 0 {
			n := 1
			for n < len(layers) && !ends[layers[n]] && len(above[layers[n]]) == 1 {
				n++
			}
			if p := Piece(layers[:n]); n > 1 && !p.Among(have) && !p.Among(list) && whole(p, have) {
				list = append(list, slices.Clone(p))
			}
			layers = layers[n:]
		}
	}
	slices.SortFunc(list, compare)
	return list
}

// whole says whether all layers of a piece are there, one way or the other.
func whole(p Piece, have []Piece) bool {
	_, ok := Resolve(p, have)
	return ok
}

// High is how many pieces below the top one are too many: each is one more place that the
// kernel looks for a file that is not there.
const High = 12

// Lower is a piece that makes a high stack lower; false where it is low. It is of
// the uppermost pieces, down to one that has as many layers as all above it
// together: so a layer is merged once more only when as many have come on top, which
// is a few times, whatever the number of restarts.
func Lower(stack []int, have []Piece) (Piece, bool) {
	if len(stack) < 2 {
		return nil, false
	}
	pieces, ok := Resolve(stack[1:], have)
	if !ok || len(pieces) <= High {
		return nil, false
	}
	layers := 0
	for i, p := range pieces {
		if i > 1 && len(p) >= layers {
			break
		}
		layers += len(p)
	}
	return slices.Clone(stack[1 : 1+layers]), true
}

// Useless lists the pieces that no stack is mounted from. Those in use stay:
// they are mounted at this moment.
func Useless(stacks []Stack, have, used []Piece) ([]Piece, error) {
	needed := slices.Clone(used)
	for _, s := range stacks {
		resolve := Resolve
		if s.Active {
			resolve = Mounted
		}
		pieces, ok := resolve(s.Layers, have)
		if !ok {
			return nil, fmt.Errorf("the writable layers %v are not all there", s.Layers)
		}
		needed = append(needed, pieces...)
	}
	var list []Piece
	for _, p := range have {
		if !p.Among(needed) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b Piece) int { return cmp.Or(-cmp.Compare(len(a), len(b)), compare(a, b)) })
	return list, nil
}
