package reconcile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// How says how a plan is run.
type How struct {
	Approve    func(plan.Plan) error // required: asked before anything is changed; its error ends the run
	Parallel   int
	Atomic     bool
	NoRollback bool
}

// Outcome is how a run ended; it is also its record.
type Outcome struct {
	Run     apply.Run      `json:"run"`
	Stack   int            `json:"stack_generation,omitempty"` // 0: none was made
	Results []apply.Result `json:"results,omitempty"`
	Error   string         `json:"error,omitempty"`
	Empty   bool           `json:"empty,omitempty"` // there was nothing to do
}

// Apply plans the wish, has it approved and carries it out.
func (e *Engine) Apply(ctx context.Context, w Wish, how How) (Outcome, error) {
	return e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) { return e.Plan(ctx, w) })
}

// ApplyPlan carries out a saved plan, or refuses: ErrStale.
func (e *Engine) ApplyPlan(ctx context.Context, p plan.Plan, how How) (Outcome, error) {
	return e.carry(ctx, generations.Apply, how, func() (plan.Plan, error) {
		if err := e.reread(&p); err != nil {
			return p, err
		}
		return p, e.fresh(ctx, p)
	})
}

// carry is the one way from a plan to a changed host.
func (e *Engine) carry(ctx context.Context, kind generations.Kind, how How, make func() (plan.Plan, error)) (Outcome, error) {
	var out Outcome
	err := e.work(ctx, func() error {
		p, err := make()
		if err != nil {
			return err
		}
		if err := refuseLater(p); err != nil {
			return err
		}
		if err := how.Approve(p); err != nil {
			return err
		}
		if p.Empty() {
			out.Empty = true
			return e.remember(p)
		}
		out, err = e.execute(ctx, kind, p, how)
		return err
	})
	return out, err
}

// fresh says whether everything is still as a plan was made for.
func (e *Engine) fresh(ctx context.Context, p plan.Plan) error {
	basis, err := e.ledgerBasis()
	if err != nil {
		return err
	}
	if basis != p.Basis {
		return ErrStale
	}
	in, err := e.look(ctx)
	if err != nil {
		return err
	}
	adopting, err := e.stillFound(p, &in)
	if err != nil {
		return err
	}
	var ask []subject
	for _, c := range p.Containers {
		if in.standing[c.Stands()].Generation != c.From {
			return fmt.Errorf("%w (%s is at another generation)", ErrStale, c.Name)
		}
		last := c.Last
		if found, ok := in.found[c.Name]; ok {
			last = &found
		}
		ask = append(ask, subjectOf(c.Stands(), last, c.Want))
	}
	seen, err := e.observeAll(ctx, in, ask)
	if err != nil {
		return err
	}
	for _, c := range p.Containers {
		have := seen[c.Stands()]
		have.Text = adopting[c.Name]
		if have.Basis() != c.Basis {
			return fmt.Errorf("%w (%s is not as it was)", ErrStale, c.Name)
		}
	}
	return nil
}

// execute makes ready what containers need, runs the plan and records it.
func (e *Engine) execute(ctx context.Context, kind generations.Kind, p plan.Plan, how How) (Outcome, error) {
	run := e.run(kind, p.Stack)
	run.Origin, run.Commit, run.Message = p.Origin, p.Commit, p.Message
	out := Outcome{Run: run}
	if slices.ContainsFunc(p.Acting(), plan.ContainerPlan.Starts) {
		defer e.warm(ctx)()
	}
	if err := e.State.Begin(run.ID); err != nil {
		return out, err
	}
	if err := e.ready(ctx, &p); err != nil {
		return out, err
	}
	standing, err := e.guarded()
	if err != nil {
		return out, err
	}
	networks, err := e.allNetworks()
	if err != nil {
		return out, err
	}
	results, err := apply.Execute(ctx, e.acting(), p, run, apply.Options{
		Parallel: how.Parallel, Atomic: how.Atomic, NoRollback: how.NoRollback, Crash: e.Crash, Event: e.Event,
		Standing: standing, Networks: networks,
	})
	errs := []error{err, e.remember(p)}
	if err == nil {
		let, err := e.letGo(ctx, p)
		results, errs = append(results, let...), append(errs, err)
	}
	out.Results = results
	if applied(results) || err == nil {
		errs = append(errs, together(
			func() (err error) { out.Stack, err = e.recordStack(run, p); return err },
			func() error { return e.holdLeft(kind, p, run, results) },
		))
	}
	e.lower(ctx, p, results)
	errs = append(errs, e.holdRejected(p, run, results), e.unused(p, results))
	errs = append(errs, e.forget(p, results), e.purge(), e.regained(ctx, p, results))
	if err := errors.Join(errs...); err != nil {
		out.Error = err.Error()
	}
	errs = append(errs, e.State.SetRun(run.ID, out), e.State.End())
	err = errors.Join(errs...)
	if err != nil && applied(results) {
		err = changed{err}
	}
	return out, err
}

// changed is an error of a run that did change something.
type changed struct{ error }

func (c changed) Unwrap() error        { return c.error }
func (c changed) Is(target error) bool { return target == ErrChanged }

func applied(results []apply.Result) bool {
	return slices.ContainsFunc(results, func(r apply.Result) bool { return r.Outcome == "applied" })
}

// ready does what may be done before anything runs: choices written down, ids
// granted, images fetched. Nothing of it changes a container.
func (e *Engine) ready(ctx context.Context, p *plan.Plan) error {
	if err := e.fetch(ctx, p); err != nil {
		return err
	}
	if err := errors.Join(e.keepSecrets(p), e.keepContents(*p)); err != nil {
		return err
	}
	if p.Choices.Version != 0 && resource.Digest(p.Choices) != p.Basis {
		if err := e.State.SetLedger(p.Choices); err != nil {
			return err
		}
	}
	e.Crash.Point()
	if err := e.buildLayers(ctx, p); err != nil {
		return err
	}
	if e.Self != "" {
		if err := e.State.KeepBinary(e.Self); err != nil {
			return err
		}
	}
	for _, c := range p.Acting() {
		if c.Want == nil || c.Want.IDMap.Privileged || c.Want.Image.Adopted() {
			continue
		}
		if err := e.Host.Subids.Grant(resource.IDRange{Base: c.Want.IDMap.Base, Size: c.Want.IDMap.Size}); err != nil {
			return err
		}
	}
	return nil
}

// fetch gets the images that the plan's containers are made of, and fills in
// what only a fetched image tells.
func (e *Engine) fetch(ctx context.Context, p *plan.Plan) error {
	got := map[string]resource.Image{}
	for i := range p.Containers {
		c := &p.Containers[i]
		if c.Want == nil || !c.Acts() || c.Want.Image.Adopted() {
			continue
		}
		key := c.Want.Image.Key()
		if _, ok := got[key]; !ok {
			img, err := e.Host.Images.Ensure(ctx, c.Want.Image, e.progress)
			if err != nil {
				return fmt.Errorf("image %s: %w", c.Want.Image.Source, err)
			}
			got[key] = img
		}
		if now := got[key]; !reflect.DeepEqual(c.Want.Image, now) {
			c.Want.Image = now
			*c.Want = c.Want.Layered()
			c.Digest = resource.Digest(c.Want)
		}
		if err := knowsUnits(*c); err != nil {
			return err
		}
	}
	return nil
}

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
	standing, err := e.standing()
	if err != nil {
		return 0, err
	}
	s := state.StackState{Containers: map[string]int{}, IDs: map[string]string{}}
	for name, st := range standing {
		if st.Record.Stack == p.Stack {
			s.Containers[name], s.IDs[name] = st.Generation, st.Record.ID
		}
	}
	s.Networks = e.stackNetworks(p)
	return e.writeStack(run, s)
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

// remember keeps where the stack's text came from.
func (e *Engine) remember(p plan.Plan) error {
	if p.Stack == "" {
		return nil
	}
	s, err := e.stack(p.Stack, p.Origin)
	if err != nil || s.Origin == p.Origin || p.Origin == "" {
		return err
	}
	s.Origin = p.Origin
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

// holdLeft puts what a rollback left behind on hold, so that the same text
// does not bring it right back.
func (e *Engine) holdLeft(kind generations.Kind, p plan.Plan, run apply.Run, results []apply.Result) error {
	if kind != generations.Rollback {
		return nil
	}
	for _, r := range results {
		c := p.Containers[slices.IndexFunc(p.Containers, func(c plan.ContainerPlan) bool { return c.Name == r.Name })]
		if r.Outcome != "applied" || c.Last == nil || c.From == c.To {
			continue
		}
		if plan.HoldDigest(*c.Last) == plan.HoldDigest(*c.Want) {
			continue // only its data went back
		}
		hold := generations.Hold{Digest: plan.HoldDigest(*c.Last), Generation: c.From, Since: run.Started, Run: run.ID, Why: "rolled back"}
		if err := e.putOnHold(r.Name, plan.HoldDigest(*c.Want), hold); err != nil {
			return err
		}
	}
	return nil
}

// holdRejected puts what did not prove itself on hold.
func (e *Engine) holdRejected(p plan.Plan, run apply.Run, results []apply.Result) error {
	var errs []error
	for _, r := range results {
		if r.Rejected == 0 {
			continue
		}
		c := p.Containers[slices.IndexFunc(p.Containers, func(c plan.ContainerPlan) bool { return c.Name == r.Name })]
		used := ""
		if c.Last != nil {
			used = plan.HoldDigest(*c.Last)
		}
		errs = append(errs, e.putOnHold(r.Name, used, generations.Hold{
			Digest: plan.HoldDigest(*c.Want), Generation: r.Rejected, Since: run.Started, Run: run.ID, Why: "unhealthy",
		}))
	}
	return errors.Join(errs...)
}

// putOnHold adds to what is on hold already. used is the digest of what is in use.
func (e *Engine) putOnHold(name, used string, h generations.Hold) error {
	book := e.State.Book(name)
	old, held, err := book.Held()
	if err != nil {
		return err
	}
	if held {
		h.Before = rejected(old, h.Digest, used)
	}
	return book.Hold(h)
}

// rejected are the digests that stay so beside the newest one, when digest
// used is what is gone back to.
func rejected(old generations.Hold, newest, used string) []string {
	list := slices.DeleteFunc(old.Digests(), func(d string) bool { return d == newest || d == used })
	slices.Sort(list)
	return slices.Compact(list)
}
