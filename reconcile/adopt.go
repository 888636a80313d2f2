package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"strake/reconcile/adopt"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// taken is a container that somebody else made, put into words.
type taken struct {
	adopt.Found
	Text      string             // its LXC configuration
	Container resource.Container // what the words come to
}

// Describe puts LXC containers that strake did not make into words, with a
// block each that takes them over. It changes nothing.
func (e *Engine) Describe(ctx context.Context, names []string) (spec.Stack, error) {
	var s spec.Stack
	in, err := e.look(ctx)
	if err != nil {
		return s, err
	}
	var errs []error
	for _, name := range names {
		t, err := e.examine(ctx, in, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if err := speakable(name, t); err != nil {
			errs = append(errs, err)
			continue
		}
		up := in.states[name].Up()
		if c := t.Found.Container; !up {
			c.Running = &up
			t.Found.Container = c
		}
		s.Containers = append(s.Containers, t.Found.Container)
		s.Imports = append(s.Imports, spec.Import{From: name, To: name})
		for _, n := range t.Networks {
			if !slices.ContainsFunc(s.Networks, func(o spec.Network) bool { return o.Name == n.Name }) {
				s.Networks = append(s.Networks, n)
			}
		}
	}
	return s, errors.Join(errs...)
}

// speakable refuses a container of which the language can't speak, as one
// with a name that is none there.
func speakable(name string, t taken) error {
	stack := spec.Stack{Containers: []spec.Container{t.Found.Container}, Networks: t.Networks}
	problems := stack.Problems()
	if len(problems) == 0 {
		return nil
	}
	p, why := problems[0], ErrPolicy
	if strings.HasPrefix(p.Path, "raw[") {
		why = ErrInvalid // its own configuration is wrong
	}
	return fmt.Errorf("%w: container %s can't be taken over: %s. %s", why, name, p.Summary, p.Detail)
}

// Leave has differences of a running container from its own configuration
// left alone, and returns what they are. Which of them a restart would end,
// nobody but its owner knows.
func (e *Engine) Leave(ctx context.Context, w *Wish) ([]plan.Change, error) {
	p, err := e.plan(ctx, *w)
	if err != nil {
		return nil, err
	}
	var left []plan.Change
	for _, cp := range p.Containers {
		i := slices.IndexFunc(w.Stack.Containers, func(c spec.Container) bool { return c.Name == cp.Name })
		for _, ch := range cp.Changes {
			if ch.Last == ch.New && leavable(ch.Path) {
				left = append(left, ch)
				w.Stack.Containers[i].Ignore = append(w.Stack.Containers[i].Ignore, ch.Path)
			}
		}
	}
	return left, nil
}

// leavable says of which settings a running container may differ from its
// configuration and be taken over all the same.
func leavable(path string) bool {
	kind, _, _, ok := resource.Cut(path)
	if !ok {
		kind, _, _ = strings.Cut(path, ".")
	}
	return slices.Contains([]string{"hostname", "limits", "raw", "nic", "environment", "mount"}, kind)
}

// Strangers are the names of all LXC containers that strake does not manage.
func (e *Engine) Strangers(ctx context.Context) ([]string, error) {
	in, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(in.states)) {
		if _, ours := in.standing[name]; !ours {
			list = append(list, name)
		}
	}
	return list, nil
}

// adoptions are the containers that the wish takes over, by name. They become
// part of the scene.
func (e *Engine) adoptions(ctx context.Context, w Wish, in *scene) (map[string]taken, error) {
	all := map[string]taken{}
	in.found, in.texts = map[string]resource.Container{}, map[string]string{}
	var errs []error
	for _, i := range w.Stack.Imports {
		_, ours := in.standing[i.To]
		if _, moves := in.moves[i.To]; ours || moves || !w.takes(i.To) {
			continue // it was taken over before
		}
		if i.From != i.To {
			errs = append(errs, fmt.Errorf("%w: container %s can't become %s while it is taken over: nothing is changed then; import it by its own name and rename it afterwards", ErrPolicy, i.From, i.To))
			continue
		}
		t, err := e.examine(ctx, *in, i.From)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all[i.To], in.found[i.To], in.texts[i.To] = t, t.Container, t.Text
	}
	return all, errors.Join(errs...)
}

// examine reads a container's configuration, and goes on until what strake
// would write in its place is the same to liblxc.
func (e *Engine) examine(ctx context.Context, in scene, name string) (taken, error) {
	var t taken
	f, err := e.stranger(in, name)
	if err != nil {
		return t, err
	}
	t.Text = f.Text
	raw := adopt.Raw{}
	for range 16 { // more than there are groups
		if t.Found, err = adopt.Read(name, f.Lines, raw, bridges(in)); err != nil {
			return t, fmt.Errorf("%w: %w", ErrPolicy, err)
		}
		if err := e.bridged(ctx, t.Networks); err != nil && !raw[adopt.NICs] {
			raw[adopt.NICs] = true
			continue
		}
		if t.Container, err = e.wordless(ctx, in, t.Found); err != nil {
			return t, err
		}
		differ, err := e.differ(f.Lines, t.Container)
		if err != nil || len(differ) == 0 {
			return t, err
		}
		if !widen(raw, differ) {
			return t, fmt.Errorf("%w: container %s: strake can't write its %s as it is", ErrPolicy, name, strings.Join(differ, ", "))
		}
	}
	return t, fmt.Errorf("%w: container %s: no words fit its configuration", ErrPolicy, name)
}

// widen leaves the groups of these keys in LXC's words; false where all are
// already.
func widen(raw adopt.Raw, keys []string) bool {
	wider := false
	for _, k := range keys {
		if g := adopt.GroupOf(k); g != "" && !raw[g] {
			raw[g], wider = true, true
		}
	}
	return wider
}

// stranger finds a container that may be taken over.
func (e *Engine) stranger(in scene, name string) (resource.Foreign, error) {
	var f resource.Foreign
	if err := plain("container", name); err != nil {
		return f, err
	}
	if _, ours := in.standing[name]; ours {
		return f, fmt.Errorf("%w: container %s is strake's already", ErrPolicy, name)
	}
	if d, _, err := e.Host.Containers.Definition(name); err == nil && d.Owner != "" {
		return f, foreign(name, d.Owner)
	}
	f, err := e.Host.Containers.Foreign(name)
	if f.Claim != nil {
		return f, fmt.Errorf("%w: container %s belongs to %s (%s); manage it there", ErrPolicy, name, f.Claim.Owner, f.Claim.Sign)
	}
	if errors.Is(err, resource.ErrUndefined) {
		return f, fmt.Errorf("%w: no LXC container %q", ErrUnknown, name)
	}
	if err != nil {
		return f, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if in.forgotten[name] {
		err = e.rootless(in, name)
	}
	return f, err
}

// rootless refuses a forgotten container whose layers strake keeps for it.
func (e *Engine) rootless(in scene, name string) error {
	for _, c := range in.apart {
		if c.Name == name && !c.Image.Adopted() {
			return fmt.Errorf("%w: container %s was forgotten, and its root filesystem is made of strake's own layers: LXC alone starts it now", ErrPolicy, name)
		}
	}
	return nil
}

func bridges(in scene) []string {
	var list []string
	for _, n := range in.networks {
		list = append(list, n.Bridge)
	}
	return list
}

// bridged says whether the bridges are there: a network of the language is one.
func (e *Engine) bridged(ctx context.Context, networks []spec.Network) error {
	var errs []error
	for _, n := range networks {
		errs = append(errs, e.Host.Devices.EnsureNetwork(ctx, resource.Network{Name: n.Name, Bridge: n.External, External: true}))
	}
	return errors.Join(errs...)
}

// wordless is what the words come to.
func (e *Engine) wordless(ctx context.Context, in scene, f adopt.Found) (resource.Container, error) {
	w := Wish{Stack: spec.Stack{Containers: []spec.Container{f.Container}, Networks: f.Networks}}
	want, err := e.desired(ctx, w, scene{lost: in.lost}, map[string]taken{f.Container.Name: {Found: f}})
	if err != nil {
		return resource.Container{}, err
	}
	return want.Containers[0], nil
}

// differ compares what liblxc makes of a configuration with what it would make
// of strake's.
func (e *Engine) differ(lines []resource.Line, c resource.Container) ([]string, error) {
	files, err := e.State.Render(c)
	if err != nil {
		return nil, err
	}
	ours := string(files["lxc.conf"])
	var theirs strings.Builder
	keys := map[string]bool{}
	for _, l := range lines {
		if opens(l.Key) || adopt.Templated(l.Key, l.Value) {
			continue
		}
		keys[l.Key] = true
		theirs.WriteString(l.Key + " = \"" + l.Value + "\"\n")
	}
	for line := range strings.Lines(ours) {
		if key, value, _ := strings.Cut(line, " "); !opens(key) && !adopt.Templated(key, value) {
			keys[key] = true
		}
	}
	list := slices.Sorted(maps.Keys(keys))
	before, err := e.Host.Containers.Printed(theirs.String(), list)
	if err != nil {
		return nil, err
	}
	after, err := e.Host.Containers.Printed(ours, list)
	return adopt.Differ(before, after), err
}

// opens names the keys that do more than remember their value: liblxc prints
// nothing of them before it has done it.
func opens(key string) bool { return strings.HasPrefix(key, "lxc.log.") || key == "lxc.include" }

// alike is what was found, with what no configuration of LXC tells taken from
// the wish: names of networks, what depends on what, protection. It is declared
// to do what it does.
func alike(found, want resource.Container, up bool) *resource.Container {
	found.Running = up
	found.DependsOn, found.Protect, found.Drift, found.Ignore = want.DependsOn, want.Protect, want.Drift, want.Ignore
	found.NICs, found.Networks = slices.Clone(found.NICs), want.Networks
	for i := range found.NICs {
		for _, n := range want.NICs {
			if n.Name == found.NICs[i].Name && n.Bridge == found.NICs[i].Bridge {
				found.NICs[i].Network = n.Network
			}
		}
	}
	return &found
}

// guardAdoption refuses to take over what would have to be changed.
func guardAdoption(p plan.Plan) error {
	var errs []error
	for _, c := range p.Containers {
		if c.Action != plan.Adopt || len(c.Changes) == 0 {
			continue
		}
		var list []string
		for _, ch := range c.Changes {
			list = append(list, fmt.Sprintf("\n  %s: it has %s, the text says %s", ch.Path, shown(ch.Old), shown(ch.New)))
		}
		errs = append(errs, fmt.Errorf("%w: to take container %s over changes nothing of it, and this would:%s\nstart from what `strake import %s` prints, and change it afterwards", ErrPolicy, c.Name, strings.Join(list, ""), c.Name))
	}
	return errors.Join(errs...)
}

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

// stillFound reads again what a saved plan takes over.
func (e *Engine) stillFound(p plan.Plan, in *scene) (map[string]string, error) {
	in.found, in.texts = map[string]resource.Container{}, map[string]string{}
	for _, c := range p.Containers {
		if c.Action != plan.Adopt {
			continue
		}
		f, err := e.stranger(*in, c.Name)
		if err != nil {
			return nil, fmt.Errorf("%w (%w)", ErrStale, err)
		}
		in.found[c.Name], in.texts[c.Name] = *c.Want, f.Text
	}
	return in.texts, nil
}

// regained removes what is left of the time before a container was forgotten
// that is strake's again.
func (e *Engine) regained(ctx context.Context, p plan.Plan, results []apply.Result) error {
	list, err := e.State.Forgotten()
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range list {
		for _, c := range p.Acting() {
			if c.Name == f.Name && c.Action == plan.Adopt && resultOf(results, c.Name).Outcome == "applied" {
				errs = append(errs, e.dissolve(ctx, f))
			}
		}
	}
	return errors.Join(errs...)
}
