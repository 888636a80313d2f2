package reconcile

import (
	"errors"
	"fmt"
	"slices"

	"strake/spec"
)

// farewells finds what the text's moved and removed blocks mean on this host.
// A block about a container that is not there has had its effect, and may stay
// in the text for ever.
func (e *Engine) farewells(w Wish, in *scene) error {
	in.moves, in.leaving, in.removed = map[string]spec.Moved{}, map[string]bool{}, map[string]spec.Removed{}
	var errs []error
	for _, m := range w.Stack.Moved {
		errs = append(errs, e.move(w, in, m))
	}
	for _, r := range w.Stack.Removed {
		if in.standing[r.From].Record.Stack == w.Stack.Name && !in.leaving[r.From] {
			in.removed[r.From] = r
		}
	}
	return errors.Join(errs...)
}

func (w Wish) declares(name string) bool {
	return slices.ContainsFunc(w.Stack.Containers, func(c spec.Container) bool { return c.Name == name })
}

// move takes down that a container is to be renamed, where it stands under
// its old name.
func (e *Engine) move(w Wish, in *scene, m spec.Moved) error {
	st, ok := in.standing[m.From]
	if !ok {
		return nil
	}
	to := w.destination(m)
	if there, taken := in.standing[to]; taken {
		return bothThere(w, st, there, m.From, to)
	}
	switch {
	case st.Record.Stack != w.Stack.Name:
		return fmt.Errorf("%w: container %s belongs to stack %s, which would have to let it go first", ErrPolicy, m.From, st.Record.Stack)
	case !w.declares(to):
		return fmt.Errorf("%w: %s: container %s is to become %s, which is not declared", ErrInvalid, m.Pos, m.From, to)
	case in.moves[to].From != "":
		return fmt.Errorf("%w: containers %s and %s can't both become %s", ErrPolicy, in.moves[to].From, m.From, to)
	}
	d, defined, err := e.Host.Containers.Definition(to)
	if err != nil {
		return err
	}
	if defined && d.Owner != st.Record.ID {
		return fmt.Errorf("%w: container %s exists and strake did not make it; %s can't be renamed to it", ErrPolicy, to, m.From)
	}
	in.leaving[m.From] = true
	in.moves[to] = spec.Moved{From: m.From, To: to, Pos: m.Pos}
	return nil
}

// destination follows names that were given up again before this host heard
// of them.
func (w Wish) destination(m spec.Moved) string {
	to := m.To
	for range w.Stack.Moved {
		i := slices.IndexFunc(w.Stack.Moved, func(n spec.Moved) bool { return n.From == to })
		if i < 0 || w.declares(to) {
			break
		}
		to = w.Stack.Moved[i].To
	}
	return to
}

// bothThere says what is wrong where a container has the old name and another
// one the new. An old name that another stack uses by now is its own matter.
func bothThere(w Wish, from, to standing, old, name string) error {
	if from.Record.Stack != w.Stack.Name && to.Record.Stack == w.Stack.Name {
		return nil
	}
	return fmt.Errorf("%w: %s can't be renamed to %s, which exists; rename or destroy that one first, in a run of its own, or take the moved block away",
		ErrPolicy, old, name)
}
