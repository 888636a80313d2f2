package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"

	"strake/generations"
	"strake/reconcile/desired"
	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// Wish is a stack, and how to take it.
type Wish struct {
	Stack     spec.Stack // required
	Source    string     // what people call it, "containers.hcl"
	Root      string     // folder that relative paths of secrets are in
	Origin    string     // where it came from, absolute; "" for standard input
	Commit    string
	Message   string
	Target    []string // only these containers; empty: all
	Exclude   []string // not these
	Prune     bool     // containers that left the text are retired
	Defer     bool     // changes that need a restart wait for one
	Reset     []string // paths whose local changes are dropped; of one container
	MoveStack bool     // the stack comes from another place now
	NoProbe   bool     // the neighbours are not asked about new addresses
}

func (w Wish) takes(name string) bool {
	return (len(w.Target) == 0 || slices.Contains(w.Target, name)) && !slices.Contains(w.Exclude, name)
}

// Plan says what it takes to fulfil the wish. It changes nothing and writes
// nothing.
func (e *Engine) Plan(ctx context.Context, w Wish) (plan.Plan, error) {
	p, err := e.plan(ctx, w)
	if err != nil {
		return p, err
	}
	return p, errors.Join(guardAdoption(p), guardPrune(w, p))
}

func (e *Engine) plan(ctx context.Context, w Wish) (plan.Plan, error) {
	if err := errors.Join(w.known(), w.resettable()); err != nil {
		return plan.Plan{}, err
	}
	in, err := e.look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	if err := e.sameOrigin(w, in); err != nil {
		return plan.Plan{}, err
	}
	if err := e.farewells(w, &in); err != nil {
		return plan.Plan{}, err
	}
	adopted, err := e.adoptions(ctx, w, &in)
	if err != nil {
		return plan.Plan{}, err
	}
	want, err := e.desired(ctx, w, in, adopted)
	if err != nil {
		return plan.Plan{}, err
	}
	secrets, values, err := e.readSecrets(w)
	if err == nil {
		err = e.digests(want.Containers, values)
	}
	if err != nil {
		return plan.Plan{}, err
	}
	subjects, err := e.subjects(ctx, w, in, want)
	if err != nil {
		return plan.Plan{}, err
	}
	p := plan.Compute(plan.Input{
		Stack: w.Stack.Name, Source: w.Source, Origin: w.Origin,
		Subjects: subjects, Networks: e.networkSubjects(w, in, want),
	})
	p.Commit, p.Message, p.Choices = w.Commit, w.Message, layersOf(p, want.Ledger)
	p.Secrets, p.Values, p.Contents = secrets, values, contents(p, want.Contents)
	if p.Basis, err = e.ledgerBasis(); err != nil {
		return p, err
	}
	return p, errors.Join(e.portsFree(ctx, p, in), e.addressesFree(ctx, w, p, in), ownPorts(p, in), oneStack(p, in), e.ownNetworks(w, want.Networks), e.acceptable(p), volumes(w, p), smaller(p), unitless(p))
}

// known refuses targets that the text does not have: a slip of the pen must
// not look like "nothing to do".
func (w Wish) known() error {
	for _, name := range slices.Concat(w.Target, w.Exclude) {
		if !w.declares(name) && !slices.ContainsFunc(w.Stack.Removed, func(r spec.Removed) bool { return r.From == name }) {
			return fmt.Errorf("%w: %s has no container %q", ErrUnknown, w.Source, name)
		}
	}
	return nil
}

// resettable refuses to drop files of more containers than were meant.
func (w Wish) resettable() error {
	if len(w.Reset) == 0 {
		return nil
	}
	for _, p := range w.Reset {
		if !path.IsAbs(p) || path.Clean(p) != p || p == "/" {
			return fmt.Errorf("%w: --reset-writable %s: not the absolute path of something in a container", ErrInvalid, p)
		}
	}
	if w.Defer {
		return fmt.Errorf("%w: --reset-writable needs the restart that --defer-restart puts off", ErrPolicy)
	}
	if n := len(w.Stack.Containers); n > 1 && len(w.Target) != 1 {
		return fmt.Errorf("%w: --reset-writable drops files: say of which container with --target NAME", ErrPolicy)
	}
	return nil
}

// sameOrigin keeps two texts that happen to have one name from pruning each
// other. A stack without containers has nothing to lose.
func (e *Engine) sameOrigin(w Wish, in scene) error {
	s, ok, err := e.State.Stack(w.Stack.Name)
	if err != nil || !ok || w.MoveStack || w.Origin == s.Origin || !in.has(w.Stack.Name) {
		return err
	}
	return fmt.Errorf("%w: stack %s comes from %s, not from %s; if it has moved, say --move-stack, else give this one another name with a stack block",
		ErrPolicy, s.Name, s.Origin, w.Origin)
}

// desired fills in everything that the text leaves open.
func (e *Engine) desired(ctx context.Context, w Wish, in scene, adopted map[string]taken) (desired.Want, error) {
	led, err := e.State.Ledger()
	if err != nil {
		return desired.Want{}, err
	}
	if len(in.moves)+len(in.lost) > 0 {
		led = in.known(led)
	}
	pool, err := e.Host.Subids.Pool()
	if err != nil {
		return desired.Want{}, err
	}
	input := desired.Input{Spec: w.present(in), Ledger: led, Images: map[string]resource.Image{}, UUID: uuid, Adopt: map[string]ledger.Entry{}, Last: in.last(w)}
	for name, t := range adopted {
		input.Adopt[name] = t.Entry
	}
	if input.Others, err = e.otherNetworks(w.Stack.Name); err != nil {
		return desired.Want{}, err
	}
	for _, r := range pool {
		input.Pool = append(input.Pool, idmap.Range{Base: r.Base, Size: r.Size})
	}
	for _, img := range desired.Images(w.Stack) {
		resolved, _, err := e.Host.Images.Resolve(ctx, img)
		if err != nil {
			return desired.Want{}, fmt.Errorf("%w: %s%w", ErrInvalid, place(saidOf(w.Stack, img.Source)), err)
		}
		input.Images[img.Key()] = resolved
	}
	want, err := desired.Build(input)
	if err != nil {
		return want, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return want, nil
}

// saidOf is where a source was written.
func saidOf(s spec.Stack, source string) spec.Pos {
	i := slices.IndexFunc(s.Containers, func(c spec.Container) bool { return c.Image != nil && c.Image.Source == source })
	if i < 0 {
		return spec.Pos{}
	}
	if c := s.Containers[i]; c.Image.Name == "" {
		return c.At["image.source"]
	}
	return s.Containers[i].Image.Pos
}

// place puts where something was written in front of what is wrong with it.
func place(p spec.Pos) string {
	if p.String() == "" {
		return ""
	}
	return p.String() + ": "
}

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
	return e.observed(ctx, in, list)
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
		s.Failed = hold.Generation == s.From && failed(book, s.From)
	}
	word, err := e.State.Word(s.Stands())
	s.Stopped, s.Started, s.Frozen = word.Stopped, word.Started, word.Frozen
	s.Away = e.State.Away(s.Stands())
	return err
}

// failed says whether the generation did not prove itself when it was put to
// use last.
func failed(book *generations.Book, n int) bool {
	list, _ := book.Activations() // what is damaged tells nothing
	for _, a := range slices.Backward(list) {
		if a.Generation == n {
			return a.Outcome == generations.Failed
		}
	}
	return false
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

// ownNetworks refuses a second definition of a network: of its name, its
// bridge, or its addresses, which the host's routes lead to only one of.
func (e *Engine) ownNetworks(w Wish, wanted []resource.Network) error {
	stacks, err := e.State.Stacks()
	if err != nil {
		return err
	}
	var errs []error
	for _, other := range stacks {
		if other == w.Stack.Name {
			continue
		}
		for _, n := range e.lastStack(other).Networks {
			for _, m := range wanted {
				errs = append(errs, apartFrom(m, n, other))
			}
		}
	}
	return errors.Join(errs...)
}

func apartFrom(m, n resource.Network, other string) error {
	switch {
	case m.External:
		return nil
	case m.Name == n.Name:
		return fmt.Errorf("%w: network %s belongs to stack %s; give this one another name, or use its bridge: external = %q", ErrPolicy, n.Name, other, n.Bridge)
	case m.Bridge == n.Bridge:
		return fmt.Errorf("%w: bridge %s is that of network %s of stack %s; to use it, write external = %q", ErrPolicy, m.Bridge, n.Name, other, n.Bridge)
	case overlap(m.IPv4, n.IPv4), overlap(m.IPv6, n.IPv6):
		return fmt.Errorf("%w: network %s: its addresses overlap those of network %s of stack %s (%s)", ErrInvalid, m.Name, n.Name, other, strings.TrimSpace(n.IPv4+" "+n.IPv6))
	}
	return nil
}

// overlap compares two ranges, written as addresses with a prefix length.
// What is no such range, as "link-local", overlaps nothing.
func overlap(a, b string) bool {
	p, err := netip.ParsePrefix(a)
	q, err2 := netip.ParsePrefix(b)
	return err == nil && err2 == nil && p.Overlaps(q)
}

// otherNetworks are the managed networks of all other stacks.
func (e *Engine) otherNetworks(stack string) ([]resource.Network, error) {
	stacks, err := e.State.Stacks()
	if err != nil {
		return nil, err
	}
	var list []resource.Network
	for _, other := range stacks {
		if other != stack {
			list = append(list, e.lastStack(other).Networks...)
		}
	}
	return list, nil
}

// networkSubjects are the managed networks that the text has, and those that
// this stack had before.
func (e *Engine) networkSubjects(w Wish, in scene, want desired.Want) []plan.NetworkSubject {
	have := map[string]resource.Network{}
	for _, n := range in.networks {
		have[n.Name] = n
	}
	texts := map[string]spec.Network{}
	for _, n := range w.Stack.Networks {
		texts[n.Name] = n
	}
	last := map[string]*resource.Network{}
	for _, n := range e.lastStack(w.Stack.Name).Networks {
		last[n.Name] = &n
	}
	var list []plan.NetworkSubject
	for i := range want.Networks {
		s := plan.NetworkSubject{Name: want.Networks[i].Name, Want: &want.Networks[i]}
		s.Pos, s.At = texts[s.Name].Pos, texts[s.Name].At
		s.Last = last[s.Name]
		if h, ok := have[s.Name]; ok {
			s.Have = &h
			s.Damaged, s.Misled = damage(in, h), misled(in, h)
		}
		delete(have, s.Name)
		list = append(list, s)
	}
	for _, old := range e.lastStack(w.Stack.Name).Networks {
		if h, ok := have[old.Name]; ok {
			list = append(list, plan.NetworkSubject{Name: old.Name, Have: &h, Used: needed(h, in, want, w)})
		}
	}
	return list
}

// needed says whether a container that stays is on the network.
func needed(n resource.Network, in scene, want desired.Want, w Wish) bool {
	keeps := func(c resource.Container) bool {
		return slices.ContainsFunc(c.NICs, func(nic resource.NIC) bool { return nic.Bridge == n.Bridge })
	}
	rewritten := map[string]bool{}
	for _, c := range want.Containers {
		if w.takes(c.Name) {
			rewritten[c.Name], rewritten[in.moves[c.Name].From] = true, true
		}
	}
	for name, s := range in.standing {
		if !rewritten[name] && keeps(s.Container) {
			return true
		}
	}
	return slices.ContainsFunc(want.Containers, keeps) || slices.ContainsFunc(in.apart, keeps)
}

// damage says what of the firewall around a network is not as it should be.
func damage(in scene, n resource.Network) string {
	if !slices.ContainsFunc(in.filter.Guard.Networks, func(g resource.Network) bool { return g.Bridge == n.Bridge }) {
		return "missing"
	}
	if !in.filter.Intact {
		return "changed"
	}
	return ""
}
