package apply

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// Run is one attempt to apply: who, when and why.
type Run struct {
	ID      string           `json:"id"`
	Kind    generations.Kind `json:"kind"`
	Started time.Time        `json:"started"`
	Stack   string           `json:"stack"`
	Origin  string           `json:"origin,omitempty"`
	Commit  string           `json:"commit,omitempty"`
	By      string           `json:"by"`
	Message string           `json:"message,omitempty"`
}

// Options are the ways in which a plan can be run.
type Options struct {
	Parallel   int                  // containers at a time; 0: 4
	Atomic     bool                 // one failure undoes all
	NoRollback bool                 // a failure is left as it is
	Standing   []resource.Container // all that have a current generation, of every stack
	Networks   []resource.Network   // all that stacks have; those that the plan does not name stay as they are
	Crash      *Crash               // tests only
	Event      func(Event)          // may be nil
}

// Event says that something was begun or ended.
type Event struct {
	Time      time.Time `json:"time"`
	Run       string    `json:"run"`
	Container string    `json:"container,omitempty"`
	Step      plan.Kind `json:"step,omitempty"`
	Outcome   string    `json:"outcome"` // "begun", "proving", "done", "failed", "undone", "kept", "stuck", "skipped"
	Error     string    `json:"error,omitempty"`
}

// Result is how it ended for one container.
type Result struct {
	Name    string `json:"name"`
	From    int    `json:"from"`
	To      int    `json:"to"`
	Outcome string `json:"outcome"` // "applied", "rolled back", "failed", "stuck", "skipped", "left"
	Err     error  `json:"-"`
	Error   string `json:"error,omitempty"`

	Rejected int        `json:"rejected,omitempty"` // generation that did not prove itself
	Evidence []Evidence `json:"evidence,omitempty"` // of why it did not
}

// stands says whether what was wanted is what there is now, good or not.
func (r Result) stands() bool { return r.Outcome == "applied" || r.Outcome == "failed" }

// Errors that say how a run ended.
var (
	// ErrRolledBack: a change failed and what was before is back.
	ErrRolledBack = errors.New("rolled back")
	// ErrStuck: a change failed, and so did the way back.
	ErrStuck = errors.New("the way back failed too")
	// ErrInitEnded: the container was started and its init has ended by itself.
	ErrInitEnded = errors.New("init ended right after the start; `strake logs` shows its console")
)

// runner is one run under way.
type runner struct {
	host Host
	run  Run
	opt  Options

	// guard waits until the firewall lets through what is to come.
	guard func() error

	slots   chan struct{} // one for each container that may be worked on at a time
	mu      sync.Mutex
	results map[string]Result
	tasks   map[string]*task
}

// Execute obeys the plan. It returns a result for each container that the
// plan acts on; the error says what the worst of them is.
func Execute(ctx context.Context, host Host, p plan.Plan, run Run, opt Options) ([]Result, error) {
	if opt.Parallel <= 0 {
		opt.Parallel = 4
	}
	r := &runner{host: host, run: run, opt: opt, results: map[string]Result{}, tasks: map[string]*task{}}
	acting := p.Stepping()
	p.Networks = append(slices.Clone(p.Networks), others(p, opt.Networks)...)
	before, after := guards(p, opt.Standing)
	if err := r.networks(ctx, p, before); err != nil {
		return nil, errors.Join(err, r.unmake(ctx, p))
	}
	r.all(ctx, acting)
	r.settle(ctx, acting)
	if r.failed() {
		after = r.guardNow(p, after, before)
	}
	errs := []error{r.err(), r.guard()}
	if r.vain() {
		return r.list(acting), errors.Join(append(errs, r.unmake(ctx, p))...)
	}
	errs = append(errs, r.host.Around(context.WithoutCancel(ctx), after))
	for _, n := range p.Networks {
		if n.Action == plan.Retire && !r.failed() {
			errs = append(errs, r.host.Devices.RemoveNetwork(ctx, *n.Have))
		}
	}
	return r.list(acting), errors.Join(errs...)
}

// networks makes bridges and opens the guard for what comes, before anything
// that needs them.
func (r *runner) networks(ctx context.Context, p plan.Plan, wide resource.Guard) error {
	for _, n := range p.Networks {
		if n.Want == nil || n.Action == plan.Keep && !n.Want.External {
			continue
		}
		if err := r.host.Devices.EnsureNetwork(ctx, *n.Want); err != nil {
			return fmt.Errorf("network %s: %w", n.Name, err)
		}
		r.opt.Crash.Point()
	}
	r.guard = sync.OnceValue(func() error {
		defer r.opt.Crash.Point()
		return r.host.Around(ctx, wide)
	})
	go r.guard() // much of a container's way needs no network
	return nil
}

// others are the networks that the plan does not speak of.
func others(p plan.Plan, all []resource.Network) []plan.NetworkPlan {
	var list []plan.NetworkPlan
	for _, n := range all {
		if !slices.ContainsFunc(p.Networks, func(np plan.NetworkPlan) bool { return np.Name == n.Name }) {
			list = append(list, plan.NetworkPlan{Name: n.Name, Action: plan.Keep, Want: &n, Have: &n})
		}
	}
	return list
}

// guards are the firewall while the plan runs, and after it.
func guards(p plan.Plan, standing []resource.Container) (during, after resource.Guard) {
	now, stepping := slices.Clone(standing), map[string]bool{}
	for _, c := range p.Containers {
		stepping[c.Stands()] = len(c.Steps) > 0
	}
	then := slices.DeleteFunc(slices.Clone(standing), func(c resource.Container) bool { return stepping[c.Name] })
	for _, c := range p.Stepping() {
		if c.Want != nil {
			then = append(then, *c.Want)
		}
	}
	var networks, kept []resource.Network
	for _, n := range p.Networks {
		switch {
		case n.Want != nil:
			networks = append(networks, *n.Want)
			kept = append(kept, *n.Want)
		case n.Have != nil && n.Action == plan.Retire:
			networks = append(networks, *n.Have)
		}
	}
	after = resource.GuardOf(then, kept...)
	return resource.GuardOf(now, networks...).Grow(after), after
}

// guardNow leaves the guard wide where some containers went back.
func (r *runner) guardNow(p plan.Plan, after, wide resource.Guard) resource.Guard {
	keep := resource.Guard{Networks: wide.Networks, Guests: r.guestsNow(p, after)}
	back := map[string]bool{}
	for _, c := range p.Stepping() {
		if r.results[c.Name].stands() {
			continue
		}
		if c.Last == nil {
			if r.results[c.Name].Outcome == "rolled back" {
				gone(c.Want, back)
			}
			continue
		}
		for _, n := range resource.GuardOf([]resource.Container{*c.Last}).NICs {
			back[n.Device] = true
			keep.NICs = append(keep.NICs, n)
		}
	}
	for _, n := range after.NICs {
		if !back[n.Device] {
			keep.NICs = append(keep.NICs, n)
		}
	}
	return keep
}

// guestsNow are those of the containers that went on, and of the others as
// they were.
func (r *runner) guestsNow(p plan.Plan, after resource.Guard) []resource.Guest {
	var stayed []resource.Container
	list := slices.Clone(after.Guests)
	for _, c := range p.Stepping() {
		if r.results[c.Name].stands() {
			continue
		}
		list = slices.DeleteFunc(list, func(g resource.Guest) bool { return g.Name == c.Name })
		if c.Last != nil {
			stayed = append(stayed, *c.Last)
		}
	}
	return resource.Joined(resource.GuardOf(stayed).Guests, list)
}

// gone adds the interfaces of what was never made.
func gone(c *resource.Container, devices map[string]bool) {
	for _, n := range c.NICs {
		devices[n.Device] = true
	}
}

// container goes through all steps of one of them, or back.
func (r *runner) container(ctx context.Context, c plan.ContainerPlan) Result {
	t := r.task(c)
	r.mu.Lock()
	r.tasks[c.Name] = t
	r.mu.Unlock()
	r.event(c.Name, "", "begun", nil)
	err := t.begin()
	r.opt.Crash.Point()
	last := -1
	var away time.Time // since when the container is down
	for i, s := range c.Steps {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		last = i
		r.event(c.Name, s.Do, "begun", nil)
		if s.Do == plan.DoStop && c.Have.State.Up() {
			away = time.Now()
		}
		if s.Do == plan.DoStart || s.NIC != "" {
			err = r.guard()
		}
		if err == nil {
			err = t.do(ctx, s)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", s.Do, err)
		}
		r.opt.Crash.Point()
	}
	if err == nil && t.c.Starts() {
		err = t.alive(ctx)
	}
	if err == nil && !away.IsZero() && c.Starts() {
		t.host.Store.SetAway(c.Name, time.Since(away))
	}
	if err == nil && t.c.Proves() {
		if res, err := r.proved(ctx, t); err != nil {
			return res
		}
	}
	if err == nil && !r.opt.Atomic {
		err = t.commit(generations.Healthy)
	}
	if err == nil {
		r.event(c.Name, "", "done", nil)
		return Result{Name: c.Name, From: c.From, To: c.To, Outcome: "applied"}
	}
	r.event(c.Name, "", "failed", err)
	return r.back(ctx, t, last, err)
}

// proved waits for the container to show that it is well. Others have its
// place meanwhile. What is not well goes back, and its generation stays in the
// history with the evidence.
func (r *runner) proved(ctx context.Context, t *task) (Result, error) {
	r.event(t.c.Name, "", "proving", nil)
	<-r.slots
	evidence, err := t.prove(ctx)
	r.slots <- struct{}{}
	r.opt.Crash.Point()
	if err == nil {
		return Result{}, nil
	}
	r.event(t.c.Name, "", "failed", err)
	last := len(t.c.Steps) - 1
	if !errors.Is(err, ErrUnhealthy) || t.c.To == t.c.From {
		return r.back(ctx, t, last, err), err
	}
	if said := t.reject(err); said != nil {
		return r.back(ctx, t, last, errors.Join(err, said)), err
	}
	r.opt.Crash.Point()
	res := Result{}
	if t.stays() && !r.opt.NoRollback {
		res = r.keep(ctx, t, err)
	} else {
		res = r.back(ctx, t, last, err)
	}
	res.Rejected, res.Evidence = t.c.To, evidence
	return res, err
}

// back undoes the steps up to last, the newest first.
func (r *runner) back(ctx context.Context, t *task, last int, cause error) Result {
	res := Result{Name: t.c.Name, From: t.c.From, To: t.c.From, Outcome: "rolled back", Err: fmt.Errorf("%s: %w (%w)", t.c.Name, cause, ErrRolledBack)}
	if r.opt.NoRollback {
		res.Outcome, res.To, res.Err = "left", t.c.To, fmt.Errorf("%s: %w", t.c.Name, cause)
		return res
	}
	if err := t.back(context.WithoutCancel(ctx), last, r.opt.Crash); err != nil {
		res.Outcome, res.Err = "stuck", fmt.Errorf("%s: %w; %w: %w", t.c.Name, cause, ErrStuck, err)
		r.event(t.c.Name, "", "stuck", err)
		return res
	}
	r.event(t.c.Name, "", "undone", nil)
	return res
}

// back undoes steps 0 to last in reverse and ends the journal.
func (t *task) back(ctx context.Context, last int, crash *Crash) error {
	var errs []error
	for i := last; i >= 0; i-- {
		if err := t.undo(ctx, t.c.Steps[i]); err != nil {
			errs = append(errs, fmt.Errorf("undo %s: %w", t.c.Steps[i].Do, err))
		}
		crash.Point()
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if t.c.Last == nil {
		return t.host.Store.Remove(t.at)
	}
	return t.host.Store.ClearJournal(t.at)
}

// commit makes it so: the activation is on record, the journal gone.
func (t *task) commit(outcome generations.Outcome) error {
	if t.c.Want == nil {
		return nil // the journal went into the attic with everything else
	}
	if t.c.To != t.c.From || t.run.Kind != generations.Apply && t.run.Kind != generations.Snapshot {
		if err := t.activate(outcome, ""); err != nil {
			return err
		}
	}
	return t.host.Store.ClearJournal(t.at)
}

// activate adds to the history that the generation was put to use, and how
// that ended.
func (t *task) activate(outcome generations.Outcome, note string) error {
	kind := t.run.Kind
	if t.c.Action == plan.Adopt {
		kind = generations.Import
	}
	return t.book().Activate(generations.Activation{
		Time: t.run.Started, Generation: t.c.To, Run: t.run.ID, By: t.run.By, Kind: kind, Outcome: outcome, Note: note,
	})
}

// settle looks once more at what was started, and with Atomic decides for all.
func (r *runner) settle(ctx context.Context, acting []plan.ContainerPlan) {
	for _, c := range acting {
		t := r.tasks[c.Name]
		if t == nil || r.results[c.Name].Outcome != "applied" || !t.c.Starts() {
			continue
		}
		if err := t.alive(ctx); err != nil {
			_ = t.commit(generations.Failed)
			r.results[c.Name] = r.back(ctx, t, len(c.Steps)-1, err)
		}
	}
	if !r.opt.Atomic {
		return
	}
	for _, c := range slices.Backward(acting) {
		if r.results[c.Name].Outcome != "applied" {
			continue
		}
		if r.failed() {
			r.results[c.Name] = r.back(ctx, r.tasks[c.Name], len(c.Steps)-1, errAtomic)
		} else if err := r.tasks[c.Name].commit(generations.Healthy); err != nil {
			r.results[c.Name] = r.back(ctx, r.tasks[c.Name], len(c.Steps)-1, err)
		}
	}
}

var errAtomic = errors.New("another container of this run failed")

func (r *runner) failed() bool {
	for _, res := range r.results {
		if res.Outcome != "applied" {
			return true
		}
	}
	return false
}

func (r *runner) err() error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.results)) {
		errs = append(errs, r.results[name].Err)
	}
	return errors.Join(errs...)
}

func (r *runner) list(acting []plan.ContainerPlan) []Result {
	list := make([]Result, 0, len(acting))
	for _, c := range acting {
		res := r.results[c.Name]
		if res.Err != nil {
			res.Error = res.Err.Error()
		}
		list = append(list, res)
	}
	return list
}

func (r *runner) event(container string, step plan.Kind, outcome string, err error) {
	if r.opt.Event == nil {
		return
	}
	e := Event{Time: time.Now(), Run: r.run.ID, Container: container, Step: step, Outcome: outcome}
	if err != nil {
		e.Error = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opt.Event(e)
}
