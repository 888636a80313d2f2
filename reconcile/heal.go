package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strake/generations"
	"strake/reconcile/event"
	"strake/reconcile/heal"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
	"strake/spec"
)

// Hint says where something may have changed.
type Hint struct {
	All        bool
	Containers []string
	Networks   bool // bridges, the firewall, what is served
}

// Healing says how to look for drift, and what to do about it.
type Healing struct {
	Hint
	May      func(stack string) bool // nil: all. Of other stacks nothing is mended, whatever the containers' policies say
	Patience heal.Patience
	Parallel int
}

// Drift is what of a container, or a network, is not as its generation says.
type Drift struct {
	Container string        `json:"container,omitempty"`
	Network   string        `json:"network,omitempty"`
	Changes   []plan.Change `json:"changes,omitempty"` // all of them, mended or not
	Do        heal.Do       `json:"do"`
	News      []heal.News   `json:"news,omitempty"`
	Why       string        `json:"why,omitempty"` // why it is left alone, where its policy is not the reason
	Mended    bool          `json:"mended,omitempty"`
	Error     string        `json:"error,omitempty"` // of the attempt to mend it

	generation int
	record     heal.Record
	until      time.Time
}

// crashed says whether it is down against its declaration and nobody's word.
func (d Drift) crashed() bool {
	return slices.ContainsFunc(d.Changes, func(c plan.Change) bool { return c.Path == "running" && c.New == "true" && c.Old == "false" })
}

// Healed is what came of a look.
type Healed struct {
	Outcome
	Found []Drift   `json:"found,omitempty"`
	Again time.Time `json:"again,omitzero"` // when to look again; zero: when something happens
}

// Heal looks for drift and mends what the containers' policies have mended: to
// the generation in use, never to a newer text. It looks first without the
// lock; what another run is just at is looked at again when that has ended.
func (e *Engine) Heal(ctx context.Context, h Healing) (Healed, error) {
	found, _, _, err := e.drift(ctx, h)
	if err != nil || !slices.ContainsFunc(found, worthy) {
		return Healed{Found: found, Again: again(found)}, err
	}
	if slices.ContainsFunc(found, Drift.crashed) {
		// A reboot from inside is down for a moment.
		select {
		case <-ctx.Done():
			return Healed{}, ctx.Err()
		case <-time.After(settling):
		}
	}
	var out Healed
	err = e.workKnown(ctx, func() error {
		found, in, p, err := e.drift(ctx, h)
		if err != nil {
			return err
		}
		out.Found = found
		if err := e.keepDrift(found); err != nil {
			return err
		}
		e.tellDrift(found, in)
		e.Crash.Point()
		p = chosen(p, found)
		if p.Empty() {
			out.Again = again(found)
			return nil
		}
		out.Outcome, err = e.mend(ctx, generations.Heal, p, h.Parallel)
		err = errors.Join(err, e.keepMended(out.Found, p, out.Outcome))
		e.tellMended(out)
		out.Again = again(out.Found)
		return err
	})
	return out, err
}

// worthy says whether there is something to do, or to keep in mind.
func worthy(d Drift) bool { return d.Do == heal.Mend || len(d.News) > 0 }

// again is the first time at which something is due.
func again(found []Drift) (at time.Time) {
	for _, d := range found {
		if !d.until.IsZero() && (at.IsZero() || d.until.Before(at)) {
			at = d.until
		}
	}
	return at
}

// drift observes and judges. The plan mends all that may be mended at all.
func (e *Engine) drift(ctx context.Context, h Healing) ([]Drift, scene, plan.Plan, error) {
	var p plan.Plan
	turn, now := e.Sight.now(), time.Now()
	in, err := e.look(ctx)
	if err != nil {
		return nil, in, p, err
	}
	names, found := asked(in, h, now)
	subjects, err := e.driftSubjects(ctx, in, h, names)
	if err != nil {
		return nil, in, p, err
	}
	var networks []plan.NetworkSubject
	if h.All || h.Networks {
		if networks, err = e.ownSubjects(in); err != nil {
			return nil, in, p, err
		}
	}
	p = plan.Compute(plan.Input{Source: "generations", Subjects: subjects, Networks: networks})
	e.Sight.saw(subjects, p, turn, now)
	list, err := e.judge(in, p, h, now)
	return append(found, list...), in, p, err
}

// driftSubjects observes these containers, but for what is somebody else's and
// what never proved itself.
func (e *Engine) driftSubjects(ctx context.Context, in scene, h Healing, names []string) ([]plan.Subject, error) {
	subjects, ask := make([]plan.Subject, len(names)), make([]subject, len(names))
	for i, name := range names {
		var err error
		if subjects[i], err = e.driftSubject(in, name, h.most(in.standing[name])); err != nil {
			return nil, err
		}
		ask[i] = subjectOf(name, subjects[i].Last)
	}
	seen, err := e.observeAll(ctx, in, ask)
	if err != nil {
		return nil, err
	}
	for i := range subjects {
		subjects[i].Have = seen[subjects[i].Name]
	}
	return slices.DeleteFunc(subjects, func(s plan.Subject) bool { return s.Failed || ours(s) != nil }), nil
}

// asked are the containers to look at, but for those that are on their way up or
// down: they are due in a moment.
func asked(in scene, h Healing, now time.Time) (names []string, later []Drift) {
	all := slices.Sorted(maps.Keys(in.standing))
	for _, name := range all {
		switch {
		case !h.All && !slices.Contains(h.Containers, name):
		case between(in.states[name]):
			later = append(later, Drift{Container: name, Do: heal.Wait, until: now.Add(settling)})
		default:
			names = append(names, name)
		}
	}
	return names, later
}

// most is the hardest that may strike a container.
func (h Healing) most(s standing) spec.Impact {
	if !h.may(s) {
		return spec.None
	}
	return heal.Most(s.Container.Drift)
}

func (h Healing) may(s standing) bool { return h.May == nil || h.May(s.Record.Stack) }

// judge has a verdict on each that differs, or did so at the last look.
func (e *Engine) judge(in scene, p plan.Plan, h Healing, now time.Time) ([]Drift, error) {
	var list []Drift
	add := func(d Drift, was heal.Record, mendable bool) {
		v := h.Patience.Judge(was, heal.Seen{Picture: d.picture(), Mendable: mendable}, now)
		d.Do, d.News, d.record, d.until = v.Do, v.News, v.Record, v.Until
		if v.Do != heal.Nothing || len(v.News) > 0 {
			list = append(list, d)
		}
	}
	for _, c := range p.Containers {
		was, err := e.State.Mending(c.Name)
		if err != nil {
			return nil, err
		}
		d := Drift{Container: c.Name, Changes: strayed(c), generation: c.From}
		if c.Action == plan.Paused {
			d.Why = c.Note
		}
		add(d, was, len(strayed(plan.ContainerPlan{Changes: c.Changes})) > 0 && c.Acts())
	}
	if len(p.Networks) == 0 {
		return list, nil
	}
	known, err := e.State.NetworksMending()
	for _, n := range p.Networks {
		add(Drift{Network: n.Name, Changes: n.Changes}, known[n.Name], h.mends(in, n))
	}
	return list, err
}

// mends says whether a network may be mended: it has no policy of its own, so
// one of those that are on it has to have one. Who serves it is strake's own
// process, and is started again for any of them.
func (h Healing) mends(in scene, n plan.NetworkPlan) bool {
	for _, s := range in.standing {
		on := slices.ContainsFunc(s.Container.NICs, func(nic resource.NIC) bool { return n.Want != nil && nic.Bridge == n.Want.Bridge })
		if on && (h.most(s) >= spec.Live || fell(n) && h.may(s)) {
			return true
		}
	}
	return false
}

// fell says whether nothing else is wrong than that whoever served a network has
// ended.
func fell(n plan.NetworkPlan) bool {
	served := []string{"dhcp", "dns", "dns.upstream", "ra"}
	return n.Have != nil && !n.Have.Serves() && len(n.Changes) > 0 &&
		!slices.ContainsFunc(n.Changes, func(c plan.Change) bool { return !slices.Contains(served, c.Path) })
}

// drifted are the settings that are otherwise behind strake's back.
func strayed(c plan.ContainerPlan) (list []plan.Change) {
	for _, ch := range slices.Concat(c.Changes, c.Left) {
		if ch.Cause == plan.Drift {
			list = append(list, ch)
		}
	}
	return list
}

// picture is the same for the same settings of the same generation, whatever
// their values: those that something makes up anew each time are one picture.
func (d Drift) picture() string { return pictureOf(d.generation, d.Changes) }

func pictureOf(generation int, changes []plan.Change) string {
	if len(changes) == 0 {
		return ""
	}
	var paths []string
	for _, c := range changes {
		paths = append(paths, c.Path)
	}
	slices.Sort(paths)
	return fmt.Sprint(generation, " ", strings.Join(slices.Compact(paths), " "))
}

// chosen is what of the plan is to be done now.
func chosen(p plan.Plan, found []Drift) plan.Plan {
	mend := map[string]bool{}
	for _, d := range found {
		if d.Do == heal.Mend {
			mend["c "+d.Container], mend["n "+d.Network] = d.Container != "", d.Network != ""
		}
	}
	p.Containers = slices.DeleteFunc(slices.Clone(p.Containers), func(c plan.ContainerPlan) bool { return !mend["c "+c.Name] })
	p.Networks = slices.DeleteFunc(slices.Clone(p.Networks), func(n plan.NetworkPlan) bool { return !mend["n "+n.Name] })
	return p
}

// keepDrift writes the verdicts down.
func (e *Engine) keepDrift(found []Drift) error {
	networks, err := e.State.NetworksMending()
	if err != nil {
		return err
	}
	for _, d := range found {
		if d.Network != "" {
			networks[d.Network] = d.record
			continue
		}
		if d.record.Since.IsZero() {
			continue // it was not judged
		}
		if err := e.State.SetMending(d.Container, d.record); err != nil {
			return err
		}
	}
	maps.DeleteFunc(networks, func(_ string, r heal.Record) bool { return r.Picture == "" && len(r.Tries) == 0 })
	return e.State.SetNetworksMending(networks)
}

// keepMended writes down how the attempts ended.
func (e *Engine) keepMended(found []Drift, p plan.Plan, out Outcome) error {
	left := map[string][]plan.Change{}
	for _, c := range p.Containers {
		left[c.Name] = strayed(plan.ContainerPlan{Left: c.Left})
	}
	now := time.Now()
	for i := range found {
		d := &found[i]
		if d.Do != heal.Mend {
			continue
		}
		d.Mended = true
		for _, r := range out.Results {
			if r.Name == d.Container && r.Outcome != "applied" {
				d.Mended, d.Error = false, r.Error
			}
		}
		if d.Network != "" && out.Error != "" {
			d.Mended, d.Error = false, out.Error
		}
		if d.Mended {
			d.record = d.record.Mended(pictureOf(d.generation, left[d.Container]), now)
		} else {
			d.until = now.Add(time.Second)
		}
	}
	return e.keepDrift(found)
}

// tellDrift tells what is new of it: which settings, and not their values.
func (e *Engine) tellDrift(found []Drift, in scene) {
	for _, d := range found {
		for _, n := range d.News {
			ev := event.Event{Kind: event.Drift, Outcome: event.Outcome(n), Container: d.Container, Stack: in.standing[d.Container].Record.Stack, Message: d.what()}
			switch {
			case n == heal.Flapping:
				ev.Kind = event.Heal
			case n == heal.Found && d.crashed():
				ev.Outcome = event.Crashed
			}
			e.Tell(ev)
		}
	}
}

// tellMended tells how the attempts ended.
func (e *Engine) tellMended(out Healed) {
	for _, d := range out.Found {
		if d.Do != heal.Mend {
			continue
		}
		ev := event.Event{Kind: event.Heal, Outcome: event.Done, Run: out.Run.ID, Container: d.Container, Message: d.what()}
		if !d.Mended {
			ev.Outcome, ev.Error = event.Failed, d.Error
		}
		e.Tell(ev)
	}
}

// what differs, in words.
func (d Drift) what() string {
	var paths []string
	for _, c := range d.Changes {
		paths = append(paths, c.Path)
	}
	text := strings.Join(paths, ", ")
	if d.Network != "" {
		return strings.TrimSuffix("network "+d.Network+": "+text, ": ")
	}
	return text
}
