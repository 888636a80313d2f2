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
	n, ok := back(acts, current, b.whole)
	if !ok {
		return 0, fmt.Errorf("go back from generation %d: %w", current, ErrNoWayBack)
	}
	return n, nil
}

func (b *Book) whole(n int) bool {
	_, err := b.Read(n)
	return err == nil
}

// back finds the topmost generation of the undo stack that is not the current
// one, was healthy when last tried, and is still usable.
func back(acts []Activation, current int, usable func(int) bool) (int, bool) {
	healthy := map[int]bool{}
	for _, a := range acts {
		healthy[a.Generation] = a.Outcome == Healthy
	}
	for _, n := range slices.Backward(undo(acts)) {
		if n != current && healthy[n] && usable(n) {
			return n, true
		}
	}
	return 0, false
}

// undo replays history into a stack, the generation in use on top. What
// failed was never in use.
func undo(acts []Activation) []int {
	var stack []int
	for _, a := range acts {
		if a.Outcome == Healthy {
			stack = replay(stack, a)
		}
	}
	return stack
}

func replay(stack []int, a Activation) []int {
	if top := len(stack) - 1; top >= 0 && stack[top] == a.Generation {
		return stack
	}
	if a.Kind == Rollback || a.Kind == Recover {
		if at := lastIndex(stack, a.Generation); at >= 0 {
			return stack[:at+1]
		}
	}
	return append(stack, a.Generation)
}

func lastIndex(list []int, n int) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == n {
			return i
		}
	}
	return -1
}
