// Package agent is the long-running process: triggers in, passes of the engine
// out. A pass takes the text of one source from where it lies to the host by the very
// functions that `strake apply` uses; what is different is who approves: what the source's
// configuration waves through is done, the rest waits. `strake sync` is one pass, and
// nothing of the agent.
//
// One goroutine for each source waits for its triggers and does its passes, one
// at a time; the engine's lock keeps those of different sources, and commands of
// people, apart.
//
// Other parts of the process (healing, listeners, notifications) are hung in by
// Options.Parts. They have four things to hold on to:
//
//   - Fetch(source): look at that source now.
//   - Status(): how it all stands, as values. The same is kept in files, for
//     commands that run beside the agent (Standing).
//   - Subscribe(): what happens, as values. Who is too slow misses some; nothing waits.
//   - Engine(by): an engine of one's own, whose events go to all subscribers.
package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"strake/reconcile"
	"strake/reconcile/event"
	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// Options are what an agent is made of.
type Options struct {
	Config string                          // path of its configuration
	Engine *reconcile.Engine               // required; never changed, copied for each pass
	Env    map[string]string               // values of variables
	Parts  func(*Agent, spec.Agent) []Part // may be nil: what else runs in the process
	Now    func() time.Time                // nil: the clock
	Rest   func()                          // may be nil: called when a pass is over, so that memory is given back
}

// Part is something that runs as long as one configuration is in use. The
// context ends when another one comes, or the process goes.
type Part interface {
	Name() string
	Run(context.Context) error
}

// Agent is the process.
type Agent struct {
	opt Options
	bus bus

	mu      sync.Mutex
	conf    spec.Agent
	fault   string // why a newer configuration was not taken
	began   time.Time
	workers map[string]*worker
}

// Load reads the agent's configuration. Errors of the text are spec.Diagnostics.
func Load(path string) (spec.Agent, error) {
	f, err := source.ReadVars(path) // one file, wherever it lies
	if err != nil {
		return spec.Agent{}, fmt.Errorf("agent's configuration: %w", err)
	}
	conf, ds := lang.Agent(f)
	if ds.HasErrors() {
		return conf, ds
	}
	return conf, nil
}

// New makes an agent with the configuration as it is now.
func New(opt Options) (*Agent, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	conf, err := Load(opt.Config)
	if err != nil {
		return nil, err
	}
	a := &Agent{opt: opt, conf: conf, began: opt.Now(), workers: map[string]*worker{}}
	e, before := *opt.Engine, opt.Engine.Event
	e.Event = func(ev event.Event) {
		a.bus.tell(ev)
		if before != nil {
			before(ev)
		}
	}
	a.opt.Engine = &e
	return a, nil
}

// Run works until the context ends. What comes by reload has the configuration
// read again: a good one takes the old one's place once the passes under way are
// over, a bad one changes nothing and is said so.
func (a *Agent) Run(ctx context.Context, reload <-chan os.Signal) error {
	a.about(event.Started, nil)
	for {
		stop := a.begin(ctx)
		conf, ok := a.next(ctx, reload)
		stop()
		if !ok {
			a.about(event.Stopped, nil)
			return nil
		}
		a.mu.Lock()
		a.conf, a.fault = conf, ""
		a.mu.Unlock()
		a.about(event.Reloaded, nil)
	}
}

// next waits for another good configuration.
func (a *Agent) next(ctx context.Context, reload <-chan os.Signal) (spec.Agent, bool) {
	for {
		select {
		case <-ctx.Done():
			return spec.Agent{}, false
		case <-reload:
		}
		conf, err := Load(a.opt.Config)
		if err == nil {
			return conf, true
		}
		a.mu.Lock()
		a.fault = brief(err)
		a.mu.Unlock()
		a.about(event.Refused, fmt.Errorf("the new configuration is not taken, the old one stays: %s", brief(err)))
	}
}

// begin starts everything that the configuration has, and gives what ends it:
// no pass is begun any more, and the one under way is let go on to its end.
func (a *Agent) begin(ctx context.Context) (stop func()) {
	idle, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	a.mu.Lock()
	conf := a.conf
	a.workers = map[string]*worker{}
	for _, s := range conf.Sources {
		a.workers[s.Name] = newWorker(a, s)
	}
	workers := slices.Collect(maps.Values(a.workers))
	a.mu.Unlock()
	for _, w := range workers {
		all.Go(func() { w.run(idle, ctx) })
	}
	if a.opt.Parts != nil {
		for _, p := range a.opt.Parts(a, conf) {
			all.Go(func() { a.keep(idle, p) })
		}
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// keep runs a part again when it fails: what it is for still is.
func (a *Agent) keep(ctx context.Context, p Part) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := p.Run(ctx)
		if ctx.Err() != nil || err == nil {
			return
		}
		a.about(event.Failed, fmt.Errorf("%s: %w", p.Name(), err))
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// ErrNoSource: there is no source of that name.
var ErrNoSource = errors.New("there is no such source")

// Fetch has a source looked at now, "" all of them. It does not wait.
func (a *Agent) Fetch(name string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name != "" && a.workers[name] == nil {
		return fmt.Errorf("%w: %q", ErrNoSource, name)
	}
	for _, w := range a.workers {
		if name == "" || w.s.Name == name {
			w.look()
		}
	}
	return nil
}

// Sources are those of the configuration in use.
func (a *Agent) Sources() []spec.Source {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conf.Sources
}

// Status is how everything stands.
func (a *Agent) Status() Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := Status{Version: 1, Began: a.began, Config: a.opt.Config, Fault: a.fault}
	for _, name := range slices.Sorted(maps.Keys(a.workers)) {
		s.Sources = append(s.Sources, a.workers[name].status())
	}
	return s
}

// Status is how the agent stands.
type Status struct {
	Version int        `json:"version"`
	Began   time.Time  `json:"began"`
	Config  string     `json:"config"`
	Fault   string     `json:"fault,omitempty"` // why a newer configuration was not taken
	Sources []Standing `json:"sources"`
}

// Engine is one for somebody, who is named in histories. Its events go to all
// subscribers, and into the diary.
func (a *Agent) Engine(by string) *reconcile.Engine {
	e := *a.opt.Engine
	e.By = by
	return &e
}

// Subscribe gives all that happens from now on, until cancel is called; then
// the channel is closed.
func (a *Agent) Subscribe() (events <-chan event.Event, cancel func()) { return a.bus.subscribe() }

// about tells something of the agent itself.
func (a *Agent) about(what event.Outcome, err error) {
	e := event.Event{Kind: event.Agent, Outcome: what, By: a.opt.Engine.By}
	if err != nil {
		e.Error = brief(err)
	}
	a.opt.Engine.Tell(e)
}
