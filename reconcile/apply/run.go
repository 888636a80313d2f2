package apply

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"strake/generations"
	"strake/reconcile/event"
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
	Unproven   bool                 // nobody waits for health
	Standing   []resource.Container // all that have a current generation, of every stack
	Networks   []resource.Network   // all that stacks have; those that the plan does not name stay as they are
	Crash      *Crash               // tests only
	Event      func(event.Event)    // may be nil
}

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

	canaries []string // those that go first of their groups
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
	if !reflect.DeepEqual(after, before) { // else it is what the guard made of it
		errs = append(errs, r.host.Around(context.WithoutCancel(ctx), after))
	}
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
