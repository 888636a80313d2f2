package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/apply"
	"strake/reconcile/chain"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// stacks are the roots of all generations of a container, the current one's
// first.
func (e *Engine) stacks(name string) ([]resource.Root, []chain.Stack, error) {
	book := e.State.Book(name)
	current, err := book.Current()
	if err != nil {
		return nil, nil, err
	}
	numbers, err := book.Numbers()
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(numbers, func(a, b int) int { return order(a == current, b == current) })
	var roots []resource.Root
	var stacks []chain.Stack
	for _, n := range numbers {
		c, err := e.State.Desired(name, n)
		if err != nil {
			return nil, nil, err // what can't be read may need any of them
		}
		if len(c.Writable) == 0 {
			continue
		}
		roots = append(roots, resource.RootOf(c))
		stacks = append(stacks, chain.Stack{Layers: c.Writable, Active: c.Writable[0] == roots[0].Writable[0]})
	}
	return roots, stacks, nil
}

func order(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// untidy says what of the writable layers of containers would be merged, and
// removed.
func (e *Engine) untidy(ctx context.Context) ([]Garbage, error) {
	names, err := e.State.Containers()
	if err != nil {
		return nil, err
	}
	var list []Garbage
	for _, name := range names {
		t, err := e.tidying(ctx, name, nil)
		if err != nil {
			return nil, fmt.Errorf("container %s: %w", name, err)
		}
		left, err := e.Host.Roots.Leftovers(name, t.init, t.roots)
		if err != nil {
			return nil, err
		}
		var why []string
		if len(t.merge) > 0 {
			why = append(why, "merge "+pieceNames(t.merge)+", which no kept generation needs apart")
		}
		if len(t.remove) > 0 {
			why = append(why, "remove "+pieceNames(t.remove)+", which no kept generation is mounted from")
		}
		if len(left) > 0 {
			why = append(why, "remove what was cut short, or copied for a generation that is gone")
		}
		if len(t.waiting) > 0 {
			e.progress(fmt.Sprintf("%s: it is mounted from layers %s; they go with the gc after its next start", name, pieceNames(t.waiting)))
		}
		if len(why) > 0 {
			list = append(list, Garbage{Kind: "layers", Name: name, Why: strings.Join(why, "; ")})
		}
	}
	return list, nil
}

func pieceNames(list []chain.Piece) string {
	words := make([]string, len(list))
	for i, p := range list {
		words[i] = p.Name()
	}
	return strings.Join(words, " ")
}

// tidying is what there is to do about the layers of a container.
type tidying struct {
	merge, remove []chain.Piece
	waiting       []chain.Piece   // nobody needs them, but they are mounted
	roots         []resource.Root // of its generations
	init          int             // 0: it is not up
}

// tidying says which layers of a container to merge, and which pieces nobody
// needs once that is done. merged, where it is not nil, does it in between, and
// tells which ones are: others that could not be made keep nothing else from going.
func (e *Engine) tidying(ctx context.Context, name string, merged func(roots []resource.Root, list []chain.Piece) []chain.Piece) (t tidying, err error) {
	roots, stacks, err := e.stacks(name)
	if err != nil || len(stacks) == 0 {
		return t, err
	}
	live, err := e.Host.Containers.Inspect(ctx, name, nil)
	if err != nil {
		return t, err
	}
	t.roots, t.init = roots, live.Init
	have, used, err := e.Host.Roots.Layers(name, live.Init)
	if err != nil || len(have) == 0 {
		return t, err
	}
	t.merge = chain.Merges(stacks, pieces(have))
	if merged != nil {
		t.merge = merged(roots, t.merge)
	}
	all, mounted := append(pieces(have), t.merge...), pieces(used)
	if t.remove, err = chain.Useless(stacks, all, mounted); err != nil {
		return t, err
	}
	useless, err := chain.Useless(stacks, all, nil)
	for _, p := range useless {
		if p.Among(mounted) {
			t.waiting = append(t.waiting, p)
		}
	}
	return t, err
}

func pieces(list [][]int) []chain.Piece {
	all := make([]chain.Piece, len(list))
	for i, p := range list {
		all[i] = p
	}
	return all
}

// tidyLayers merges and removes. Each merge and each removal is whole or not
// done, and the next gc does the rest. On a full disk nothing can be merged, and
// what is removed makes the room for it.
func (e *Engine) tidyLayers(ctx context.Context, name string) error {
	var failed error
	t, err := e.tidying(ctx, name, func(roots []resource.Root, list []chain.Piece) (done []chain.Piece) {
		for _, p := range list {
			if err := e.Host.Roots.Merge(ctx, holding(roots, p), len(p)); err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			done = append(done, p)
			e.Crash.Point()
		}
		return done
	})
	if err != nil {
		return errors.Join(failed, err)
	}
	for _, p := range t.remove {
		if err := e.Host.Roots.RemoveLayers(name, p); err != nil {
			return errors.Join(failed, err)
		}
		e.Crash.Point()
	}
	return errors.Join(failed, e.Host.Roots.Sweep(name, t.init, t.roots))
}

// holding is the root whose uppermost layers are those of a piece.
func holding(roots []resource.Root, p chain.Piece) resource.Root {
	for _, r := range roots {
		if i := slices.Index(r.Writable, p[0]); i >= 0 && len(r.Writable) >= i+len(p) && slices.Equal(r.Writable[i:i+len(p)], p) {
			r.Writable = r.Writable[i:]
			return r
		}
	}
	return resource.Root{Writable: p}
}

// lower keeps the stacks of what a run has changed low: a start looks for a
// file that is not there in every layer. It is no reason for a run to fail.
func (e *Engine) lower(ctx context.Context, p plan.Plan, results []apply.Result) {
	for _, c := range p.Containers {
		if c.Want == nil || len(c.Want.Writable) <= chain.High || resultOf(results, c.Name).Outcome != "applied" {
			continue
		}
		if err := e.lowerOne(ctx, *c.Want); err != nil && !errors.Is(err, context.Canceled) {
			e.progress(c.Name + ": " + err.Error() + "; `strake gc` tries again")
		}
	}
}

func (e *Engine) lowerOne(ctx context.Context, c resource.Container) error {
	have, _, err := e.Host.Roots.Layers(c.Name, 0)
	if err != nil {
		return err
	}
	piece, high := chain.Lower(c.Writable, pieces(have))
	if !high {
		return nil
	}
	root := resource.RootOf(c)
	root.Writable = root.Writable[1:]
	return e.Host.Roots.Merge(ctx, root, len(piece))
}
