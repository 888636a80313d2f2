package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"strake/reconcile/adopt"
	"strake/reconcile/resource"
)

// subject is what has to be known to observe one container: mounts and raw
// keys can be asked for only by name.
type subject struct {
	name   string
	mounts []resource.Mount
	raw    []string
	known  []resource.Container
}

// nics are its interfaces as they were, and as they shall be.
func (s subject) nics() []resource.NIC {
	var list []resource.NIC
	for _, c := range s.known {
		list = append(list, c.NICs...)
	}
	return list
}

func subjectOf(name string, known ...*resource.Container) subject {
	s := subject{name: name}
	for _, c := range known {
		if c == nil {
			continue
		}
		s.known = append(s.known, *c)
		for _, m := range c.Mounts {
			if !slices.ContainsFunc(s.mounts, func(o resource.Mount) bool { return o.Target == m.Target }) {
				s.mounts = append(s.mounts, m)
			}
		}
		s.raw = append(s.raw, slices.Collect(maps.Keys(c.Raw))...)
		if c.Image.Adopted() {
			s.raw = append(s.raw, variables)
		}
	}
	slices.Sort(s.raw)
	s.raw = slices.Compact(s.raw)
	return s
}

// observeAll observes many containers.
func (e *Engine) observeAll(ctx context.Context, in scene, subjects []subject) (map[string]resource.Observed, error) {
	var mu sync.Mutex
	all := make(map[string]resource.Observed, len(subjects))
	err := atOnce(subjects, func(s subject) error {
		o, err := e.observe(ctx, in, s)
		if err != nil {
			return fmt.Errorf("observe %s: %w", s.name, err)
		}
		mu.Lock()
		defer mu.Unlock()
		all[s.name] = o
		return nil
	})
	return all, err
}

// observe asks liblxc and the kernel what one container is now.
func (e *Engine) observe(ctx context.Context, in scene, s subject) (resource.Observed, error) {
	o := resource.Observed{Name: s.name, State: resource.Stopped}
	d, defined, err := e.Host.Containers.Definition(s.name)
	if err != nil {
		return o, err
	}
	o.Defined, o.Owner = defined, d.Owner
	last, ok := in.standing[s.name]
	if found, adopts := in.found[s.name]; adopts {
		last.Container, d.Tail = found, "" // all that stands there is in it
	}
	if ok {
		o.Config = e.configDrift(last, d, defined)
	}
	if state, known := in.states[s.name]; known {
		o.State = state
	}
	if !o.State.Up() {
		return o, nil
	}
	live, err := e.Host.Containers.Inspect(ctx, s.name, s.raw)
	if err != nil {
		return o, err
	}
	if o.State = live.State; !live.State.Up() {
		return o, nil
	}
	o.Init, o.Started = live.Init, live.Started
	o.Have = resource.Container{
		Name: s.name, Running: true, Hostname: live.Hostname, IDMap: live.IDMap, Limits: live.Limits,
	}
	o.Have.Limits.Memory = written(live.Limits.Memory, last.Container.Limits.Memory)
	if o.Have.Raw, err = e.raw(last.Container, d.Tail, live.Items); err != nil {
		return o, err
	}
	if err := e.observeInside(ctx, in, s, &o); err != nil {
		return o, err
	}
	if last.Container.Image.Adopted() {
		o.Have.Environment = variablesOf(live.Items[variables])
		overlook(&o.Have, s.known)
	}
	return o, nil
}

// observeInside adds what the namespaces of a running init show.
func (e *Engine) observeInside(ctx context.Context, in scene, s subject, o *resource.Observed) error {
	root, ok, err := e.Host.Roots.MountedAt(o.Init)
	if err != nil {
		return err
	}
	if ok {
		o.Have.Image.Digest, o.Have.Layers, o.Have.Writable = root.Digest, root.Layers, root.Writable
	}
	if o.Have.Mounts, err = e.Host.Roots.Mounts(o.Init, s.mounts); err != nil {
		return err
	}
	o.Have.Environment, err = e.Host.Roots.Environment(s.name)
	if errors.Is(err, resource.ErrNotMounted) {
		// Somebody unmounted the host's view. A second mount of the same layers
		// is not allowed while init has the first: only a restart mends it.
		o.Have.Environment, o.Have.Writable, err = in.standing[s.name].Container.Environment, nil, nil
	}
	if err != nil {
		return err
	}
	if err := e.observeSecrets(s, o); err != nil {
		return err
	}
	if err := e.observeFiles(s, o); err != nil {
		return err
	}
	if err := e.observeEgress(in, o); err != nil {
		return err
	}
	if err := e.observeResolver(s, o); err != nil {
		return err
	}
	if o.Have.NICs, err = e.Host.Devices.NICs(ctx, o.Init, s.nics()); err != nil {
		return err
	}
	for i := range o.Have.NICs {
		o.Have.NICs[i].Filter = held(o.Have.NICs[i], in)
		o.Have.NICs[i].Publish = in.publishes(o.Have.NICs[i])
	}
	return nil
}

// observeResolver looks whom the container asks for names, where that is
// anything to strake: else it is the container's own business.
func (e *Engine) observeResolver(s subject, o *resource.Observed) error {
	if !slices.ContainsFunc(s.known, func(c resource.Container) bool { return len(c.Resolver.Servers) > 0 }) {
		return nil
	}
	have, err := e.Host.Roots.Resolver(s.name)
	if errors.Is(err, resource.ErrNotMounted) {
		return nil // somebody unmounted the host's view: that shows by itself
	}
	o.Have.Resolver = have
	return err
}

// held says which filters hold the NIC to the addresses that it was given. A
// filter on other addresses than those on record is no filter.
func held(n resource.NIC, in scene) resource.Filter {
	f, ok := in.guarded[n.Device]
	if !ok {
		return resource.Filter{}
	}
	given, ok := in.given[n.Device]
	if !ok {
		return f.Filter
	}
	if f.Type == "routed" && f.Parent != given.Parent {
		return resource.Filter{}
	}
	return resource.Filter{
		MAC:  f.Filter.MAC && f.MAC == given.MAC,
		IPv4: f.Filter.IPv4 && slices.Equal(f.Senders(false), given.Senders(false)),
		IPv6: f.Filter.IPv6 && slices.Equal(f.Senders(true), given.Senders(true)),
	}
}

// written is the limit as it was written, where the kernel, which counts whole
// pages, made live of it.
func written(live, last int64) int64 {
	if page := int64(os.Getpagesize()); last/page*page == live {
		return last
	}
	return live
}

// raw are the LXC keys of a running container in the words in which they were
// written: liblxc prints many values otherwise ("2MB" as 2097152), and
// defaults for what was never set.
func (e *Engine) raw(last resource.Container, tail string, items map[string]string) (map[string]string, error) {
	words := maps.Clone(items)
	maps.DeleteFunc(words, func(k, v string) bool { return v == last.Raw[k] || adopt.Templated(k, last.Raw[k]) })
	if len(words) > 0 && last.Name != "" {
		files, err := e.State.Render(last)
		if err != nil {
			return nil, err
		}
		printed, err := e.Host.Containers.Printed(string(files["lxc.conf"])+tail, slices.Collect(maps.Keys(words)))
		if err != nil {
			return nil, err
		}
		maps.DeleteFunc(words, func(k, v string) bool { return adopt.Same(k, v, printed[k]) })
	}
	for k := range items {
		if _, other := words[k]; !other && last.Raw[k] != "" {
			words[k] = last.Raw[k]
		}
	}
	maps.DeleteFunc(words, func(_, v string) bool { return v == "" })
	return words, nil
}
