package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"strake/reconcile/desired"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// last is what the wanted containers are made of now.
func (s scene) last(w Wish) map[string]resource.Container {
	all := map[string]resource.Container{}
	for _, c := range w.Stack.Containers {
		if st, ok := s.standing[cmp.Or(s.moves[c.Name].From, c.Name)]; ok {
			all[c.Name] = st.Container
		}
	}
	return all
}

// present is the stack without containers that are still to be taken over, and
// not by this run: what they are shows only then.
func (w Wish) present(in scene) spec.Stack {
	stack := w.Stack
	stack.Containers = slices.DeleteFunc(slices.Clone(stack.Containers), func(c spec.Container) bool {
		_, ours := in.standing[c.Name]
		_, moves := in.moves[c.Name]
		return !ours && !moves && !w.takes(c.Name) && slices.ContainsFunc(stack.Imports, func(i spec.Import) bool { return i.To == c.Name })
	})
	return stack
}

// subjects brings together the three states of each container that the wish
// is about: those that it names, and those that left it.
func (e *Engine) subjects(ctx context.Context, w Wish, in scene, want desired.Want) ([]plan.Subject, error) {
	texts := map[string]spec.Container{}
	for _, c := range w.Stack.Containers {
		texts[c.Name] = c
	}
	var list []plan.Subject
	for i := range want.Containers {
		c := &want.Containers[i]
		if !w.takes(c.Name) {
			continue
		}
		text := texts[c.Name]
		move := in.moves[c.Name]
		list = append(list, plan.Subject{
			Name: c.Name, Want: c, At: desired.Positions(w.Stack, text), Pos: text.Pos, UUID: want.UUID(c.Name), Defer: w.Defer,
			Was: move.From, WasPos: move.Pos, Group: text.Group, Fresh: want.Ledger.Containers[c.Name].Writable + 1, Reset: w.Reset,
		})
	}
	for _, name := range slices.Sorted(maps.Keys(in.standing)) {
		_, wanted := texts[name]
		removed, named := in.removed[name]
		if in.standing[name].Record.Stack != w.Stack.Name || wanted || in.leaving[name] || named && !w.takes(name) || !named && len(w.Target) > 0 {
			continue
		}
		list = append(list, plan.Subject{Name: name, Prune: w.Prune || w.Stack.Prune == "retire", Removed: removed.Action})
	}
	if w.Watched {
		list = e.outOfSight(in, list)
	}
	return e.observed(ctx, in, list)
}

// outOfSight leaves out what the plan has nothing to say about: a container whose
// text comes to what its generation says, and that is in sight. Where something
// leaves the stack all are looked at: how many it is of is to be known.
func (e *Engine) outOfSight(in scene, list []plan.Subject) []plan.Subject {
	if slices.ContainsFunc(list, func(s plan.Subject) bool { return s.Want == nil }) {
		return list
	}
	now := time.Now()
	return slices.DeleteFunc(list, func(s plan.Subject) bool {
		st, ok := in.standing[s.Name]
		return ok && s.Was == "" && len(s.Reset) == 0 && e.Sight.proves(s.Name, st.Generation, now) && resource.Digest(s.Want) == st.Record.Digest
	})
}

// observed adds to each subject what was last applied and what is there now.
func (e *Engine) observed(ctx context.Context, in scene, list []plan.Subject) ([]plan.Subject, error) {
	ask := make([]subject, len(list))
	err := atOnce(indexes(list), func(i int) error {
		err := e.recall(in, &list[i])
		ask[i] = subjectOf(list[i].Stands(), list[i].Last, list[i].Want)
		if found, ok := in.found[list[i].Name]; ok {
			ask[i] = subjectOf(list[i].Name, &found, list[i].Want)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	seen, err := e.observeAll(ctx, in, ask)
	if err != nil {
		return nil, err
	}
	for i := range list {
		s := &list[i]
		s.Have, s.Builds = seen[s.Stands()], e.unbuilt(s.Want)
		if s.Hidden, err = e.hidden(ctx, *s); err != nil {
			return nil, err
		}
		if found, ok := in.found[s.Name]; ok {
			s.Found, s.Have.Text = alike(found, *s.Want, s.Have.State.Up()), in.texts[s.Name]
			continue
		}
		if err := ours(*s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// recall adds what the container's book says.
func (e *Engine) recall(in scene, s *plan.Subject) error {
	book := e.State.Book(s.Stands())
	if st, ok := in.standing[s.Stands()]; ok {
		last := st.Container
		s.Last, s.From, s.UUID, s.Pending = &last, st.Generation, st.Record.ID, st.Record.Pending
	}
	var err error
	if s.Next, err = book.Next(); err != nil {
		return fmt.Errorf("container %s: %w", s.Name, err)
	}
	if hold, ok, err := book.Held(); err != nil {
		return fmt.Errorf("container %s: %w", s.Name, err)
	} else if ok {
		s.Held, s.HeldWhy = hold.Digests(), cmp.Or(hold.Why, "rejected")
		s.Canary = hold.Canary
		s.Failed = book.Failed(s.From) && (hold.Generation == s.From || s.Last != nil && slices.Contains(s.Held, plan.HoldDigest(*s.Last)))
	}
	if s.Paused, err = e.suspended(s.Stands()); err != nil {
		return fmt.Errorf("container %s: %w", s.Name, err)
	}
	word, err := e.State.Word(s.Stands())
	s.Stopped, s.Started, s.Frozen = word.Stopped, word.Started, word.Frozen
	s.Away = e.State.Away(s.Stands())
	return err
}

// ours refuses what somebody else made.
func ours(s plan.Subject) error {
	if !s.Have.Defined || s.Last != nil && (s.Have.Owner == "" || s.Have.Owner == s.UUID) {
		return nil
	}
	if s.Last == nil {
		return fmt.Errorf("%w: container %s exists and strake did not make it; `strake import %s` takes it over, or give this one another name", ErrPolicy, s.Name, s.Name)
	}
	return foreign(s.Name, s.Have.Owner)
}

func foreign(name, owner string) error {
	return fmt.Errorf("%w: the LXC configuration of %s names another owner (%s); it is somebody else's", ErrPolicy, name, owner)
}

// oneStack refuses a second claim on a container.
func oneStack(p plan.Plan, in scene) error {
	var errs []error
	for _, c := range p.Containers {
		if s, ok := in.standing[c.Stands()]; ok && s.Record.Stack != p.Stack {
			errs = append(errs, fmt.Errorf("%w: container %s belongs to stack %s", ErrPolicy, c.Name, s.Record.Stack))
		}
	}
	return errors.Join(errs...)
}
