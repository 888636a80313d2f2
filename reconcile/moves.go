package reconcile

import (
	"cmp"
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
	if err := w.contradictions(); err != nil {
		return err
	}
	var errs []error
	for _, m := range w.Stack.Moved {
		errs = append(errs, e.move(w, in, m))
	}
	for _, r := range w.Stack.Removed {
		if in.standing[r.From].Record.Stack == w.Stack.Name && !in.leaving[r.From] {
			r.Action = cmp.Or(r.Action, "retire")
			in.removed[r.From] = r
		}
	}
	return errors.Join(errs...)
}

// contradictions are blocks that can't be meant on any host.
func (w Wish) contradictions() error {
	var errs []error
	wrong := func(at spec.Pos, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", ErrInvalid, at, fmt.Sprintf(format, args...)))
	}
	targets := map[string]string{}
	for _, m := range w.Stack.Moved {
		if w.declares(m.From) {
			wrong(m.Pos, "container %s is to become %s and is still declared; take its block away", m.From, m.To)
		}
		if to, twice := targets[m.From]; twice && to != m.To {
			wrong(m.Pos, "container %s can't become both %s and %s", m.From, to, m.To)
		}
		targets[m.From] = m.To
	}
	for _, r := range w.Stack.Removed {
		if w.declares(r.From) {
			wrong(r.Pos, "container %s is to be removed and is still declared; take one of the two blocks away", r.From)
		}
		if !slices.Contains([]string{"", "retire", "forget", "purge"}, r.Action) {
			wrong(r.Pos, "action %q of removed container %s is none of retire, forget and purge", r.Action, r.From)
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
