package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"strake/generations"
	"strake/reconcile/desired"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// Target is one generation of one container.
type Target struct {
	Container  string
	Generation int  // 0: where `rollback` without a number leads
	Data       bool // take the data of that generation back too
	NoProbe    bool // the neighbours are not asked whether somebody has its addresses by now

	point *plan.Point     // it is the current one, and a snapshot is made of it
	ids   *resource.IDMap // it comes back, and its own are somebody else's
}

// Rollback brings a container back to an earlier generation.
func (e *Engine) Rollback(ctx context.Context, t Target, how How) (Outcome, error) {
	return e.carry(ctx, generations.Rollback, how, func() (plan.Plan, error) { return e.PlanSwitch(ctx, t) })
}

// Switch brings a container to any of its generations. Unlike a rollback it
// puts nothing on hold.
func (e *Engine) Switch(ctx context.Context, t Target, how How) (Outcome, error) {
	return e.carry(ctx, generations.Switch, how, func() (plan.Plan, error) { return e.PlanSwitch(ctx, t) })
}

// PlanSwitch says what it takes to bring a container to another generation.
// It writes nothing.
func (e *Engine) PlanSwitch(ctx context.Context, t Target) (plan.Plan, error) {
	in, err := e.look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	p, err := e.planSwitches(ctx, in, []Target{t}, nil)
	if err != nil {
		return p, err
	}
	p.NoProbe = t.NoProbe
	return p, e.room(ctx, p, in, nowhere)
}

// planSwitches plans several at once, on the networks given or, where those
// are gone, on the ones that the generations recorded.
func (e *Engine) planSwitches(ctx context.Context, in scene, targets []Target, networks []resource.Network) (plan.Plan, error) {
	var list []plan.Subject
	var stack string
	then := in
	then.networks = overlaid(in.networks, networks)
	for _, t := range targets {
		s, err := e.switchSubject(then, t)
		if err != nil {
			return plan.Plan{}, err
		}
		stack = in.standing[t.Container].Record.Stack
		list = append(list, s)
	}
	choices, err := e.reclaim(stack, list)
	if err != nil {
		return plan.Plan{}, err
	}
	list, err = e.observed(ctx, in, list)
	if err != nil {
		return plan.Plan{}, err
	}
	for i := range list {
		list[i].Held, list[i].Paused = nil, "" // the operator's word is stronger
	}
	p := plan.Compute(plan.Input{Stack: stack, Source: "generations", Subjects: list, Networks: e.switchNetworks(in, list, networks)})
	if s, ok, err := e.State.Stack(stack); err == nil && ok {
		p.Origin = s.Origin
	}
	p.Choices = layersOf(p, choices)
	if err := e.affected(ctx, &p); err != nil {
		return p, err
	}
	if p.Basis, err = e.ledgerBasis(); err != nil {
		return p, err
	}
	return p, guardProtected(p)
}

// overlaid are the networks as they will be: those that change, changed.
func overlaid(now, change []resource.Network) []resource.Network {
	then := slices.Clone(now)
	for _, n := range change {
		for i := range then {
			if then[i].Name == n.Name {
				then[i] = n
			}
		}
	}
	return then
}

// switchSubject finds the generation that a target means.
func (e *Engine) switchSubject(in scene, t Target) (plan.Subject, error) {
	st, ok := in.standing[t.Container]
	if !ok {
		return plan.Subject{}, fmt.Errorf("%w: no container %q", ErrUnknown, t.Container)
	}
	n, err := t.Generation, error(nil)
	if n == 0 {
		if n, err = e.State.Book(t.Container).Back(); err != nil {
			return plan.Subject{}, fmt.Errorf("container %s: %w", t.Container, err)
		}
	}
	again, err := e.repeats(t.Container, n)
	if err != nil {
		return plan.Subject{}, fmt.Errorf("container %s: %w", t.Container, err)
	}
	want, err := e.State.Desired(t.Container, n)
	if errors.Is(err, generations.ErrNone) {
		return plan.Subject{}, fmt.Errorf("%w: container %s has no generation %d; `strake list-generations %s` shows them", ErrUnknown, t.Container, n, t.Container)
	}
	if err != nil {
		return plan.Subject{}, fmt.Errorf("container %s: %w", t.Container, err)
	}
	if err := fits(in, &want); err != nil {
		return plan.Subject{}, fmt.Errorf("%w: generation %d of %s: %w", ErrPolicy, n, t.Container, err)
	}
	if t.ids != nil {
		want.IDMap = *t.ids
	}
	led, err := e.State.Ledger()
	return plan.Subject{
		Name: t.Container, Want: &want, Again: again, As: n, Data: t.Data, Point: t.point, UUID: st.Record.ID, Fresh: led.Containers[t.Container].Writable + 1,
	}, err
}

// repeats are the generations that generation n is, by their digests: n itself
// and those that are n again, with other data. Those that were made under
// another name are none: their LXC configurations have its paths.
func (e *Engine) repeats(container string, n int) (map[string]int, error) {
	list, err := e.State.Book(container).List()
	if err != nil && !errors.Is(err, generations.ErrDamaged) {
		return nil, err
	}
	again, root := map[string]int{}, firsts(list)
	for _, r := range list {
		if root(r.Number) == root(n) && (r.Name == "" || r.Name == container) {
			again[r.Digest] = r.Number
		}
	}
	return again, nil
}

// firsts says which generation each one is once more, if with other data or under another
// name. A record repeats only what was there before it, so this ends.
func firsts(list []generations.Record) func(int) int {
	as := map[int]int{}
	for _, r := range list {
		as[r.Number] = r.As
	}
	return func(n int) int {
		for as[n] > 0 && as[n] < n {
			n = as[n]
		}
		return n
	}
}

// fits puts a container on the networks as they are now. One that is gone is
// made again from the record; one whose prefix has moved is refused.
func fits(in scene, c *resource.Container) error {
	for i := range c.NICs {
		n := c.NICs[i]
		at := slices.IndexFunc(in.networks, func(h resource.Network) bool { return h.Bridge == n.Bridge })
		if at < 0 {
			continue
		}
		if err := within(n.IPv4, in.networks[at].IPv4); err != nil {
			return fmt.Errorf("nic %s: %w; `strake rollback --stack` takes the networks back too", n.Name, err)
		}
	}
	return nil
}

func within(address, network string) error {
	if address == "" {
		return nil
	}
	a, err := netip.ParsePrefix(address)
	if err != nil {
		return err
	}
	if n, err := netip.ParsePrefix(network); err != nil || !n.Contains(a.Addr()) {
		return fmt.Errorf("address %s is not in the network's %s", a.Addr(), orNone(network))
	}
	return nil
}

// reclaim gives the wanted generations their addresses back.
func (e *Engine) reclaim(stack string, list []plan.Subject) (ledger.Ledger, error) {
	led, err := e.State.Ledger()
	if err != nil {
		return led, err
	}
	others, err := e.otherNetworks(stack)
	if err != nil {
		return led, err
	}
	var containers []resource.Container
	for _, s := range list {
		containers = append(containers, *s.Want)
	}
	if led, err = desired.Reclaim(led, containers, others); err != nil {
		return led, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return led, nil
}

// switchNetworks are the networks that the wanted generations need.
func (e *Engine) switchNetworks(in scene, list []plan.Subject, networks []resource.Network) []plan.NetworkSubject {
	need := map[string]resource.Network{}
	for _, s := range list {
		for _, n := range s.Want.Networks {
			if !n.External {
				need[n.Name] = n
			}
		}
	}
	for _, n := range in.networks { // as they are now
		if old, ok := need[n.Name]; ok && old.Bridge == n.Bridge {
			n.Oddities = ""
			need[n.Name] = n
		}
	}
	for _, n := range networks {
		need[n.Name] = n
	}
	var subjects []plan.NetworkSubject
	for _, name := range slices.Sorted(maps.Keys(need)) {
		want := need[name]
		s := plan.NetworkSubject{Name: name, Want: &want}
		for _, h := range in.networks {
			if h.Name == name {
				s.Have = &h
				s.Damaged, s.Misled = damage(in, h), misled(in, h)
			}
		}
		subjects = append(subjects, s)
	}
	return subjects
}

// RollbackStack brings all containers of a stack, and its networks, back to
// what one of the stack's generations says.
func (e *Engine) RollbackStack(ctx context.Context, t StackTarget, how How) (Outcome, error) {
	return e.carry(ctx, generations.Rollback, how, func() (plan.Plan, error) { return e.planStack(ctx, t) })
}

// StackTarget is one generation of a stack.
type StackTarget struct {
	Stack      string
	Generation int  // 0: the one before
	Data       bool // with the data of each container
	NoProbe    bool
}

func (e *Engine) planStack(ctx context.Context, t StackTarget) (plan.Plan, error) {
	stack, generation := t.Stack, t.Generation
	if err := plain("stack", stack); err != nil {
		return plan.Plan{}, err
	}
	book := e.State.StackBook(stack)
	if n, err := book.Current(); err != nil || n == 0 {
		return plan.Plan{}, errors.Join(fmt.Errorf("%w: no stack %q", ErrUnknown, stack), err)
	}
	if generation == 0 {
		n, err := book.Back()
		if err != nil {
			return plan.Plan{}, fmt.Errorf("stack %s: %w", stack, err)
		}
		generation = n
	}
	s, err := e.State.StackState(stack, generation)
	if err != nil {
		return plan.Plan{}, fmt.Errorf("%w: stack %s has no generation %d: %w", ErrUnknown, stack, generation, err)
	}
	in, err := e.look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	names := map[string]string{}
	for name, st := range in.standing {
		names[st.Record.ID] = name
	}
	var targets []Target
	for _, name := range slices.Sorted(maps.Keys(s.Containers)) {
		now, ok := names[s.IDs[name]] // it may have another name by now
		if !ok {
			return plan.Plan{}, fmt.Errorf("%w: container %s of stack generation %d was destroyed since", ErrPolicy, name, generation)
		}
		targets = append(targets, Target{Container: now, Generation: s.Containers[name], Data: t.Data})
	}
	p, err := e.planSwitches(ctx, in, targets, s.Networks)
	p.Stack, p.NoProbe = stack, t.NoProbe
	if err != nil {
		return p, err
	}
	return p, e.room(ctx, p, in, nowhere)
}
