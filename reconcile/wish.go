package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"strake/reconcile/desired"
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
	Watched   bool     // drift is another's business: what has not changed, and is in sight, is left out
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
	p.Volumes = e.volumePlans(w)
	p.Commit, p.Message, p.Choices = w.Commit, w.Message, layersOf(p, want.Ledger)
	p.Secrets, p.Values, p.Contents = secrets, values, contents(p, want.Contents)
	if p.Basis, err = e.ledgerBasis(); err != nil {
		return p, err
	}
	p.NoProbe = w.NoProbe
	return p, errors.Join(e.room(ctx, p, in, w.at), oneStack(p, in), e.ownNetworks(w, want.Networks), e.acceptable(p), volumes(w, p), smaller(p), unitless(p))
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
	input := desired.Input{Spec: w.present(in), Ledger: led, Images: map[string]resource.Image{}, UUID: uuid, Adopt: map[string]ledger.Entry{}, Last: in.last(w)}
	for name, t := range adopted {
		input.Adopt[name] = t.Entry
	}
	if input.Others, err = e.otherNetworks(w.Stack.Name); err != nil {
		return desired.Want{}, err
	}
	input.Pool, err = e.pool()
	if err == nil && choosesIDs(input.Spec, led) {
		input.Pool, err = e.freeIDs(in)
	}
	if err != nil {
		return desired.Want{}, err
	}
	for _, img := range desired.Images(w.Stack) {
		resolved, _, err := e.Host.Images.Resolve(ctx, img)
		if err != nil {
			err = fmt.Errorf("%w: %s%w", ErrInvalid, place(saidOf(w.Stack, img.Source)), err)
			if errors.Is(err, fs.ErrNotExist) { // else it is no source at all
				err = unready{saidBy(w.Stack, img.Source), err}
			}
			return desired.Want{}, err
		}
		input.Images[img.Key()] = resolved
	}
	want, err := desired.Build(input)
	if err != nil {
		return want, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return want, nil
}

// saidBy are the containers that are to be made of a source.
func saidBy(s spec.Stack, source string) (names []string) {
	for _, c := range s.Containers {
		if c.Image != nil && c.Image.Source == source {
			names = append(names, c.Name)
		}
	}
	return names
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
