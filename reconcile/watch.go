package reconcile

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"strake/reconcile/resource"
)

// gathering is how long notices are gathered after the first: whatever somebody
// does by hand takes several.
const gathering = 50 * time.Millisecond

// Watch tells where something may have changed, until ctx is done; then the
// channel is closed. Now and then, and first of all, that is everywhere: cgroup limits,
// mounts, files and whatever else nobody tells of are found by looking. What comes while nobody takes a hint, or while a run is
// under way, comes in the next one: a run's own changes are looked at once, after it.
func (e *Engine) Watch(ctx context.Context, every time.Duration) (<-chan Hint, error) {
	e.Sight.watch(true)
	context.AfterFunc(ctx, func() { e.Sight.watch(false) })
	w := &watcher{e: e, ctx: ctx, all: true, fresh: true, wake: make(chan struct{}, 1), hints: make(chan Hint)}
	var err error
	if w.followInits, err = e.Host.Containers.WatchInits(ctx, w.notice); err != nil {
		return nil, err
	}
	if w.followDevices, err = e.Host.Devices.WatchDevices(ctx, w.notice); err != nil {
		return nil, err
	}
	if err := e.Host.Filter.WatchRules(ctx, w.notice); err != nil {
		return nil, err
	}
	w.followServants = e.Host.Leases.WatchServants(ctx, w.notice)
	if err := e.State.Watch(ctx, w.ran); err != nil {
		return nil, err
	}
	go w.run(every)
	w.rouse()
	return w.hints, nil
}

type watcher struct {
	e   *Engine
	ctx context.Context

	followInits    func(context.Context, []string) ([]resource.Process, error)
	followDevices  func([]resource.Process) error
	followServants func() error

	wake  chan struct{} // something was gathered
	hints chan Hint

	mu      sync.Mutex
	names   []string        // of all containers
	devices map[string]Hint // whom an interface of the host is about, by its name
	fresh   bool            // a run has ended: there may be other containers
	all     bool
	network bool
	some    map[string]bool
}

// ran hears that a run has ended.
func (w *watcher) ran() {
	w.mu.Lock()
	w.fresh = true
	w.mu.Unlock()
	w.rouse()
}

// notice gathers. Interfaces that are nobody's wake nobody.
func (w *watcher) notice(n resource.Notice) {
	w.mu.Lock()
	h := Hint{All: n == resource.Notice{} || n.Firewall} // the firewall is each container's, too
	switch {
	case n.Container != "":
		h.Containers = []string{n.Container}
	case n.Device != "":
		h = w.devices[n.Device]
	}
	w.add(h)
	w.mu.Unlock()
	w.e.Sight.hint(h)
	if !h.empty() {
		w.rouse()
	}
}

func (h Hint) empty() bool { return !h.All && !h.Networks && len(h.Containers) == 0 }

// add is called with the lock held.
func (w *watcher) add(h Hint) {
	w.all, w.network = w.all || h.All, w.network || h.Networks
	for _, name := range h.Containers {
		if w.some == nil {
			w.some = map[string]bool{}
		}
		w.some[name] = true
	}
}

func (w *watcher) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run hands on what was gathered.
func (w *watcher) run(every time.Duration) {
	defer close(w.hints)
	look := time.NewTimer(jittered(every))
	defer look.Stop()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-w.wake:
		case <-look.C:
			look.Reset(jittered(every))
			w.notice(resource.Notice{})
		}
		if !w.rest(gathering) {
			return
		}
		if w.e.State.Busy() {
			continue // its end wakes
		}
		if err := w.follow(); err != nil {
			w.e.progress("watch: " + err.Error()) // what is not followed is found by looking
		}
		if h := w.gathered(); !h.empty() {
			select {
			case w.hints <- h:
			case <-w.ctx.Done():
				return
			}
		}
	}
}

// jittered is about d: hosts that were started together do not look together.
func jittered(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()-0.5)*0.2*float64(d))
}

func (w *watcher) rest(d time.Duration) bool {
	select {
	case <-w.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (w *watcher) gathered() Hint {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := Hint{All: w.all, Networks: w.network, Containers: slices.Sorted(maps.Keys(w.some))}
	w.all, w.network, w.some = false, false, nil
	return h
}

// follow finds out whom to watch now: others after a run, other inits after
// whatever was noticed. One without an interface that others start is followed from the
// next look on.
func (w *watcher) follow() error {
	w.mu.Lock()
	fresh := w.fresh || w.all
	w.fresh = false
	w.mu.Unlock()
	if fresh {
		if err := w.know(); err != nil {
			return err
		}
	}
	inits, err := w.followInits(w.ctx, w.names)
	if err != nil {
		return err
	}
	return errors.Join(w.followDevices(inits), w.followServants())
}

// know reads which containers there are, and what is theirs of the host's
// interfaces.
func (w *watcher) know() error {
	standing, err := w.e.standing()
	if err != nil {
		return err
	}
	devices := map[string]Hint{}
	for name, s := range standing {
		for _, n := range s.Container.NICs {
			for _, device := range []string{n.Device, n.Parent} {
				h := devices[device]
				h.Containers = append(h.Containers, name)
				devices[device] = h
			}
		}
		for _, n := range s.Container.Networks {
			h := devices[n.Bridge]
			h.Networks = true
			devices[n.Bridge] = h
		}
	}
	delete(devices, "")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names, w.devices = slices.Sorted(maps.Keys(standing)), devices
	return nil
}
