// Package hosttest is a host in memory that refuses what the kernel and
// liblxc refuse: a second start, an interface that is there already, the
// removal of what is not there. Plans that run on it without an error are
// minimal. The conformance suite in this package holds it and the real host
// to the same behaviour.
package hosttest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"strake/reconcile/resource"
)

// Host is a machine without containers.
type Host struct {
	mu        sync.Mutex
	defined   map[string]resource.Definition
	running   map[string]*process
	networks  map[string]resource.Network // by bridge
	guard     resource.Guard
	served    map[string]resource.Served // by bridge
	outlets   map[string]resource.Outlet // by container
	mounted   map[string]resource.Root
	spoiled   map[string]bool
	prepared  map[resource.IDMap]bool      // whose layers are there: the ids go with a container, its name need not
	files     map[string]map[string]string // environment files, by container
	inside    map[string]map[string]resource.File
	resolvers map[string]resource.Resolver
	secrets   map[string][]byte // values, by container and setting
	answers   map[string]error  // to checks, see Serve
	hears     []*hears
	ticks     uint64
	pids      int

	// Calls counts what was changed, by name of the method: what a plan cost.
	Calls map[string]int
	// Strangers are containers that strake did not make.
	Strangers map[string]resource.Foreign
	// Others are the configurations of containers that are kept elsewhere.
	Others [][]resource.Line
	// Fail makes a method fail for a container, by "Start c1".
	Fail map[string]error
}

// process is a container that is up.
type process struct {
	pid     int
	started uint64
	state   resource.State
	root    resource.Root
	c       resource.Container // as liblxc read it at the start, and as changed since
}

// New is a fresh host.
func New() *Host {
	return &Host{
		defined: map[string]resource.Definition{}, running: map[string]*process{},
		networks: map[string]resource.Network{}, served: map[string]resource.Served{}, outlets: map[string]resource.Outlet{}, mounted: map[string]resource.Root{}, spoiled: map[string]bool{}, prepared: map[resource.IDMap]bool{},
		files: map[string]map[string]string{}, resolvers: map[string]resource.Resolver{}, secrets: map[string][]byte{}, answers: map[string]error{}, inside: map[string]map[string]resource.File{}, pids: 1000, Calls: map[string]int{}, Fail: map[string]error{},
	}
}

// Render is the LXC configuration that this host reads: the container as JSON.
func Render(_ string, c resource.Container) (string, error) {
	text, err := json.MarshalIndent(c, "", " ")
	return string(text), err
}

// call counts a change, or lets it fail.
func (h *Host) call(method, name string) error {
	h.Calls[method]++
	return h.Fail[method+" "+name]
}

func (h *Host) up(name string) (*process, error) {
	p, ok := h.running[name]
	if !ok {
		return nil, resource.ErrNotRunning
	}
	return p, nil
}

func (h *Host) byPID(pid int) (*process, error) {
	for _, p := range h.running {
		if p.pid == pid {
			return p, nil
		}
	}
	return nil, resource.ErrNotRunning
}

// States lists every container that liblxc knows.
func (h *Host) States(context.Context) (map[string]resource.State, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := map[string]resource.State{}
	for name := range h.defined {
		all[name] = resource.Stopped
	}
	for name, p := range h.running {
		all[name] = p.state
	}
	return all, nil
}

// Inspect shows one container.
func (h *Host) Inspect(_ context.Context, name string, ask []string) (resource.Live, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, ok := h.running[name]
	if !ok {
		return resource.Live{State: resource.Stopped}, nil
	}
	live := resource.Live{
		State: p.state, Init: p.pid, Started: p.started, Hostname: p.c.Hostname, IDMap: p.c.IDMap,
		Limits: p.c.Limits, Items: map[string]string{}, Environ: maps.Clone(p.c.Environment),
	}
	for _, key := range ask {
		live.Items[key] = p.c.Raw[key]
	}
	return live, nil
}

// Start reads the configuration on disk and brings the container up. It needs
// the root filesystem, the bridges and the guard, as the kernel would.
func (h *Host) Start(_ context.Context, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call("Start", name); err != nil {
		return err
	}
	if _, ok := h.running[name]; ok {
		return resource.ErrRunning
	}
	d, ok := h.defined[name]
	if !ok {
		return resource.ErrUndefined
	}
	text, err := os.ReadFile(d.Include)
	if err != nil {
		return err
	}
	var c resource.Container
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if !sameRoot(h.mounted[name], resource.RootOf(c)) {
		return fmt.Errorf("root filesystem: %w", resource.ErrNotMounted)
	}
	for _, n := range c.NICs {
		if err := h.plug(n); err != nil {
			return err
		}
	}
	h.pids, h.ticks = h.pids+1, h.ticks+1
	h.running[name] = &process{pid: h.pids, started: h.ticks, state: resource.Running, root: h.mounted[name], c: c}
	return nil
}

// plug checks that an interface could be made.
func (h *Host) plug(n resource.NIC) error {
	if _, ok := h.networks[n.Bridge]; !ok && n.Type == "bridged" {
		return fmt.Errorf("bridge %s: %w", n.Bridge, resource.ErrNotFound)
	}
	for _, p := range h.running {
		if slices.ContainsFunc(p.c.NICs, func(o resource.NIC) bool { return o.Device == n.Device && n.Device != "" }) {
			return fmt.Errorf("interface %s: %w", n.Device, resource.ErrExists)
		}
	}
	guarded := slices.ContainsFunc(h.guard.NICs, func(g resource.NIC) bool { return g.Device == n.Device })
	if n.Filter.Any() && !guarded {
		return fmt.Errorf("interface %s comes before its guard", n.Device)
	}
	return nil
}

// Stop ends a container.
func (h *Host) Stop(_ context.Context, name string, _ time.Duration) error {
	return h.end("Stop", name)
}

// Kill ends a container.
func (h *Host) Kill(_ context.Context, name string) error { return h.end("Kill", name) }

func (h *Host) end(method, name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call(method, name); err != nil {
		return err
	}
	if _, err := h.up(name); err != nil {
		return err
	}
	delete(h.running, name)
	h.toldInit(name)
	return nil
}

// Freeze stops all processes where they are.
func (h *Host) Freeze(_ context.Context, name string) error { return h.state(name, resource.Frozen) }

// Unfreeze lets them go on.
func (h *Host) Unfreeze(_ context.Context, name string) error { return h.state(name, resource.Running) }

func (h *Host) state(name string, s resource.State) error {
	return h.change("State", name, func(p *process) error { p.state = s; return nil })
}

// change alters a container that is up.
func (h *Host) change(method, name string, f func(*process) error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.call(method, name); err != nil {
		return err
	}
	p, err := h.up(name)
	if err != nil {
		return err
	}
	return f(p)
}

// SetLimits changes limits.
func (h *Host) SetLimits(_ context.Context, name string, _, to resource.Limits) error {
	return h.change("SetLimits", name, func(p *process) error { p.c.Limits = to; return nil })
}

// SetHostname changes the host name.
func (h *Host) SetHostname(_ context.Context, name, hostname string) error {
	return h.change("SetHostname", name, func(p *process) error { p.c.Hostname = hostname; return nil })
}

// Warm has nothing to speed up here.
func (h *Host) Warm(context.Context) {}

// Reload has init read its environment files.
func (h *Host) Reload(_ context.Context, name string) error {
	return h.change("Reload", name, func(*process) error { return nil })
}

// ReloadResolver has the container's resolver read its configuration again.
func (h *Host) ReloadResolver(_ context.Context, name string) error {
	return h.change("ReloadResolver", name, func(*process) error { return nil })
}

// Definition reads how a container is known.
func (h *Host) Definition(name string) (resource.Definition, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d, ok := h.defined[name]
	return d, ok, nil
}

// Define makes a container known.
func (h *Host) Define(name string, d resource.Definition) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.defined[name] = d
	h.toldInit(name)
	return h.call("Define", name)
}

// Undefine forgets it.
func (h *Host) Undefine(name string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.defined, name)
	h.toldInit(name)
	return h.call("Undefine", name)
}

// Check accepts keys that begin as LXC's do.
func (h *Host) Check(string) error { return nil }

// Printed repeats what was written.
func (h *Host) Printed(text string, keys []string) (map[string]string, error) {
	var c resource.Container
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&c); err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, key := range keys {
		found[key] = c.Raw[key]
	}
	return found, nil
}
