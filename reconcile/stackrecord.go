package reconcile

import (
	"encoding/json"
	"maps"
	"slices"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// lastStack is the stack as its current generation says.
func (e *Engine) lastStack(name string) state.StackState {
	var s state.StackState
	book := e.State.StackBook(name)
	if n, err := book.Current(); err == nil && n != 0 {
		s, _ = e.State.StackState(name, n) // a damaged one says nothing
	}
	return s
}

// recordStack writes the stack's generation: which generation each of its
// containers has now.
func (e *Engine) recordStack(run apply.Run, p plan.Plan) (int, error) {
	if p.Stack == "" {
		return 0, nil
	}
	s, err := e.stackNow(p)
	if err != nil {
		return 0, err
	}
	return e.writeStack(run, s)
}

// catchUp does it where all is as a plan from a text wants it and nobody wrote that
// down: a run that did everything was cut short before it came to this.
func (e *Engine) catchUp(p plan.Plan) (int, error) {
	if p.Stack == "" {
		return 0, nil
	}
	s, err := e.stackNow(p)
	if err != nil || s.Same(e.lastStack(p.Stack)) {
		return 0, err
	}
	return e.writeStack(e.runOf(generations.Apply, p), s)
}

// stackNow is the stack as a plan that is carried out leaves it.
func (e *Engine) stackNow(p plan.Plan) (state.StackState, error) {
	standing, err := e.standing()
	if err != nil {
		return state.StackState{}, err
	}
	s := state.StackState{Containers: map[string]int{}, IDs: map[string]string{}}
	for name, st := range standing {
		if st.Record.Stack == p.Stack {
			s.Containers[name], s.IDs[name] = st.Generation, st.Record.ID
		}
	}
	s.Networks, s.Volumes = e.stackNetworks(p), e.stackVolumes(p)
	return s, nil
}

func (e *Engine) writeStack(run apply.Run, s state.StackState) (int, error) {
	stack, err := e.stack(run.Stack, run.Origin)
	if err != nil {
		return 0, err
	}
	book := e.State.StackBook(run.Stack)
	parent, err := book.Current()
	if err != nil {
		return 0, err
	}
	n, err := book.Next()
	if err != nil {
		return 0, err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return 0, err
	}
	rec := generations.Record{
		Version: generations.Version, Number: n, ID: stack.UUID, Created: run.Started, Stack: run.Stack, Origin: run.Origin,
		Commit: run.Commit, By: run.By, Run: run.ID, Message: run.Message, Parent: parent, Digest: resource.Digest(s),
	}
	if err := book.Write(rec, map[string][]byte{state.StackFile: append(text, '\n')}); err != nil {
		return 0, err
	}
	if err := book.Switch(n); err != nil {
		return n, err
	}
	return n, book.Activate(generations.Activation{
		Time: run.Started, Generation: n, Run: run.ID, By: run.By, Kind: run.Kind, Outcome: generations.Healthy,
	})
}

// stackNetworks are the managed networks that the stack has after the plan. A
// plan that speaks of one container leaves the others as they were.
func (e *Engine) stackNetworks(p plan.Plan) []resource.Network {
	byName := map[string]resource.Network{}
	for _, n := range e.lastStack(p.Stack).Networks {
		byName[n.Name] = n
	}
	for _, n := range p.Networks {
		switch {
		case n.Want != nil && !n.Want.External:
			byName[n.Name] = *n.Want
		case n.Action == plan.Retire:
			delete(byName, n.Name)
		}
	}
	var list []resource.Network
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		list = append(list, byName[name])
	}
	return list
}

// remember keeps where the stack's text came from, and of which commit it was:
// the next one has to come after it. That of another place says nothing there.
func (e *Engine) remember(p plan.Plan) error {
	if p.Stack == "" {
		return nil
	}
	was, err := e.stack(p.Stack, p.Origin)
	if err != nil || p.Origin == "" {
		return err
	}
	s := was
	if s.Origin != p.Origin {
		s.Origin, s.Commit = p.Origin, ""
	}
	if p.Commit != "" {
		s.Commit = p.Commit
	}
	if s == was {
		return nil
	}
	return e.State.SetStack(s)
}

// stack reads what is remembered of a stack, or begins to: also where the run
// that made it was cut short before it did.
func (e *Engine) stack(name, origin string) (state.Stack, error) {
	s, known, err := e.State.Stack(name)
	if err != nil || known {
		return s, err
	}
	s = state.Stack{Name: name, UUID: uuid(), Origin: origin}
	return s, e.State.SetStack(s)
}
