package generations

import (
	"errors"
	"fmt"
	"slices"
)

// Back is the generation that a rollback without a number leads to: the one
// that was really in use and healthy before the current one. Going back
// repeatedly leads further back, not to and fro; going to a generation by
// number makes that one's predecessor the one in use until then.
// Errors: ErrNoWayBack.
func (b *Book) Back() (int, error) {
	acts, err := b.Activations()
	if err != nil && !errors.Is(err, ErrDamaged) {
		return 0, err
	}
	current, err := b.Current()
	if err != nil && !errors.Is(err, ErrNone) {
		return 0, err
	}
	list, err := b.List()
	if err != nil && !errors.Is(err, ErrDamaged) {
		return 0, err
	}
	h := history{again: map[int]int{}, usable: map[int]bool{}}
	for _, rec := range list {
		h.again[rec.Number], h.usable[rec.Number] = rec.As, true
	}
	n, ok := h.back(acts, current)
	if !ok {
		return 0, fmt.Errorf("go back from generation %d: %w", current, ErrNoWayBack)
	}
	return n, nil
}

// history is what the records say about what was activated.
type history struct {
	again  map[int]int // As of each record
	usable map[int]bool
}

// root is the generation that n is, if under another name. A record repeats
// only what was there before it, so this ends.
func (h history) root(n int) int {
	for as := h.again[n]; as != 0 && as < n; as = h.again[n] {
		n = as
	}
	return n
}

// back finds the topmost generation of the undo stack that is not the current
// one, was healthy when last tried, and is still usable.
func (h history) back(acts []Activation, current int) (int, bool) {
	healthy := map[int]bool{}
	for _, a := range acts {
		healthy[a.Generation] = a.Outcome == Healthy
	}
	for _, n := range slices.Backward(h.undo(acts)) {
		if h.root(n) != h.root(current) && healthy[n] && h.usable[n] {
			return n, true
		}
	}
	return 0, false
}

// undo replays history into a stack, the generation in use on top. What
// failed was never in use.
func (h history) undo(acts []Activation) []int {
	var stack []int
	for _, a := range acts {
		if a.Outcome == Healthy {
			stack = h.replay(stack, a)
		}
	}
	return stack
}

// replay adds one activation. The same generation under another name takes
// the place of the one that it repeats.
func (h history) replay(stack []int, a Activation) []int {
	if top := len(stack) - 1; top >= 0 && h.root(stack[top]) == h.root(a.Generation) {
		return append(stack[:top], a.Generation)
	}
	if a.Kind == Rollback || a.Kind == Recover {
		if at := h.lastIndex(stack, a.Generation); at >= 0 {
			return append(stack[:at], a.Generation)
		}
	}
	return append(stack, a.Generation)
}

func (h history) lastIndex(list []int, n int) int {
	for i := len(list) - 1; i >= 0; i-- {
		if h.root(list[i]) == h.root(n) {
			return i
		}
	}
	return -1
}
