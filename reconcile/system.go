package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"strake/reconcile/desired"
	"strake/reconcile/ledger"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// layers is the store of system layers.
type layers interface {
	Has(key string) bool
	List() ([]resource.Layer, error)
	Remove(key string) error
	Made() (map[string]time.Time, error) // by key
	Verify(ctx context.Context, key string) error
	Reject(key string) error // takes it out and deletes nothing: something may run on it
	Rejected() (map[string]string, error)
	RemoveRejected(name string) error
}

// builds makes them.
type builds interface {
	Ensure(ctx context.Context, job resource.LayerJob) error
	Sweep(ctx context.Context) error
}

// unbuilt counts the layers that have to be built before c can start. On an
// image that is not there yet there are none.
func (e *Engine) unbuilt(c *resource.Container) int {
	if c == nil {
		return 0
	}
	if c.System != nil && len(c.Layers) == 0 {
		fetched := *c
		fetched.Image.Digest = "unknown"
		return len(fetched.Recipes())
	}
	n := 0
	for _, key := range c.Layers {
		if !e.Host.Layers.Has(key) {
			n++
		}
	}
	return n
}

// hidden are the paths of system layers that are new to a container and that
// it would not see, for it has changed them itself. What strake writes there is
// meant to be seen in their place.
func (e *Engine) hidden(ctx context.Context, s plan.Subject) ([]string, error) {
	if s.Want == nil || s.Last == nil || s.Want.Image.Source != s.Last.Image.Source {
		return nil, nil
	}
	fresh := slices.DeleteFunc(slices.Clone(s.Want.Layers), func(key string) bool { return slices.Contains(s.Last.Layers, key) })
	if len(fresh) == 0 {
		return nil, nil
	}
	list, err := e.Host.Roots.Shadowed(ctx, resource.RootOf(s.Last.Named(s.Stands())), fresh)
	if errors.Is(err, resource.ErrNotFound) {
		return nil, nil // it would not start either, and that is told elsewhere
	}
	list = slices.DeleteFunc(list, func(path string) bool { _, ours := s.Want.FileAt(path); return ours })
	slices.Sort(list)
	return slices.Compact(list), err
}

// buildLayers builds what the plan's containers need, each layer once.
func (e *Engine) buildLayers(ctx context.Context, p *plan.Plan) error {
	for _, c := range p.Acting() {
		if err := e.ensureLayers(ctx, c.Want, p.Choices, p.Networks); err != nil {
			return unready{[]string{c.Name}, fmt.Errorf("container %s: %w", c.Name, err)}
		}
	}
	return nil
}

// ensureLayers has every layer of a container in the store.
func (e *Engine) ensureLayers(ctx context.Context, c *resource.Container, led ledger.Ledger, networks []plan.NetworkPlan) error {
	if e.unbuilt(c) == 0 {
		return nil
	}
	site, err := e.site(ctx, c, led, networks)
	if err != nil {
		return err
	}
	job := resource.LayerJob{
		Image: c.Image, Site: site, Timeout: 30 * time.Minute, Resolver: resolver(site.Networks),
		Reveal: e.State.Content, Progress: func(line string) { e.progress("build: " + line) }, Step: e.Crash.Point,
	}
	if c.Build != nil {
		job.Timeout = c.Build.Timeout
	}
	if c.Build != nil && len(c.Build.Egress) > 0 {
		job.Outlet = func(init int) error { return e.acting().OpenOutlet(ctx, buildOf(*c), init) }
	}
	for _, r := range c.Recipes() {
		key := r.Key()
		if !slices.Contains(c.Layers, key) {
			return fmt.Errorf("%w: its system layers were built by another version, and are gone", ErrPolicy)
		}
		job.Recipe = r
		if !e.Host.Layers.Has(key) {
			e.progress("building system layer " + key[:len("sha256-")+12])
		}
		if err := e.Host.Builder.Ensure(ctx, job); err != nil {
			return err
		}
		e.Crash.Point()
		job.Below = slices.Insert(slices.Clone(job.Below), 0, key)
	}
	return nil
}

// buildOf is what builds for c may reach, under a name that no container has.
func buildOf(c resource.Container) resource.Container {
	return resource.Container{Name: "build." + c.Name, Egress: c.Build.Egress, EgressAt: []string{resource.LoopbackProxy}}
}

// regainLayers builds the layers of a container again that are gone, as its
// record has them. What is mounted may be what is left of them.
func (e *Engine) regainLayers(ctx context.Context, c resource.Container) error {
	if e.unbuilt(&c) == 0 {
		return nil
	}
	if err := e.Host.Roots.Unmount(ctx, c.Name); err != nil && !errors.Is(err, resource.ErrNotMounted) {
		return err
	}
	led, err := e.State.Ledger()
	if err != nil {
		return err
	}
	return e.ensureLayers(ctx, &c, led, nil)
}

// site makes ready what a build may use of the host.
func (e *Engine) site(ctx context.Context, c *resource.Container, led ledger.Ledger, networks []plan.NetworkPlan) (resource.Container, error) {
	in, err := e.look(ctx)
	if err != nil {
		return resource.Container{}, err
	}
	ranges, err := e.freeIDs(in)
	if err != nil {
		return resource.Container{}, err
	}
	network, err := e.buildNetwork(c, networks)
	if err != nil {
		return resource.Container{}, err
	}
	site, err := desired.Site(led, ranges, network, uuid)
	if err != nil {
		return site, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := e.Host.Subids.Grant(resource.IDRange{Base: site.IDMap.Base, Size: site.IDMap.Size}); err != nil || network == nil {
		return site, err
	}
	if err := e.Host.Devices.EnsureNetwork(ctx, *network); err != nil {
		return site, err
	}
	return site, e.Host.Filter.Ensure(ctx, resource.GuardOf([]resource.Container{site}))
}

// buildNetwork is the network that builds for c may use; nil: none.
func (e *Engine) buildNetwork(c *resource.Container, planned []plan.NetworkPlan) (*resource.Network, error) {
	if c.Build == nil || c.Build.Network == "" {
		return nil, nil
	}
	for _, n := range planned {
		if n.Name == c.Build.Network && n.Want != nil {
			return n.Want, nil
		}
	}
	all, err := e.allNetworks()
	for _, n := range all {
		if n.Name == c.Build.Network {
			return &n, err
		}
	}
	return nil, errors.Join(err, fmt.Errorf("%w: build.network: there is no network %s any more", ErrPolicy, c.Build.Network))
}

// resolver is what a build's /etc/resolv.conf says: the network's own name
// server, or those that the host asks. One on the host itself is out of reach.
func resolver(networks []resource.Network) string {
	if len(networks) == 0 {
		return ""
	}
	if p, err := netip.ParsePrefix(networks[0].IPv4); err == nil && networks[0].DNS {
		return "nameserver " + p.Addr().String() + "\n"
	}
	text, _ := os.ReadFile("/etc/resolv.conf") // a host without one has no names to give
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 2 && f[0] == "nameserver" {
			if a, err := netip.ParseAddr(f[1]); err == nil && !a.IsLoopback() {
				b.WriteString("nameserver " + f[1] + "\n")
			}
		}
	}
	return b.String()
}

// usedLayers are the keys of layers that generations have.
func (e *Engine) usedLayers(going []Garbage) (map[string]bool, error) {
	used := map[string]bool{}
	err := e.eachGeneration(going, func(_ Use, _ int, c *resource.Container) {
		for _, key := range c.Layers {
			used[key] = true
		}
	})
	return used, err
}

// uselessLayers are those in the store that no generation is made of. Retired
// containers that go now need none.
func (e *Engine) uselessLayers(going []Garbage) ([]Garbage, error) {
	stored, err := e.Host.Layers.List()
	if err != nil {
		return nil, err
	}
	rejected, err := e.Host.Layers.Rejected()
	if err != nil || len(stored)+len(rejected) == 0 {
		return nil, err
	}
	used, err := e.usedLayers(going)
	if err != nil {
		return nil, err // what can't be read may need any of them
	}
	var list []Garbage
	for _, l := range stored {
		if !used[l.Key] {
			list = append(list, Garbage{Kind: "system layer", Name: l.Key, Why: "no generation is made of it (" + l.Recipe.System.Summary() + ")"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rejected)) {
		switch key := rejected[name]; {
		case key == "":
			list = append(list, Garbage{Kind: "build log", Name: name, Why: "its build failed"})
		case !used[key]:
			list = append(list, Garbage{Kind: "damaged layer", Name: name, Why: "no generation is made of it any more"})
		}
	}
	return list, nil
}

// StoredLayer is a system layer, and whether a generation is made of it.
type StoredLayer struct {
	resource.Layer
	Used bool `json:"used"`
}

// Layers lists the system layers in the store.
func (e *Engine) Layers() ([]StoredLayer, error) {
	stored, err := e.Host.Layers.List()
	if err != nil {
		return nil, err
	}
	used, err := e.usedLayers(nil)
	list := make([]StoredLayer, len(stored))
	for i, l := range stored {
		list[i] = StoredLayer{l, used[l.Key]}
	}
	return list, err
}
