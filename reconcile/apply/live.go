package apply

import (
	"context"
	"maps"
	"slices"
	"strings"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// setNIC makes the interface as wanted, whatever it is now. nil: not there.
func (t *task) setNIC(ctx context.Context, name string, want *resource.NIC) error {
	return t.whileUpAt(ctx, func(pid int) error {
		list, err := t.host.Devices.NICs(ctx, pid, t.known())
		if err != nil {
			return err
		}
		have := nic(&resource.Container{NICs: list}, name)
		want := t.loose(want, have)
		switch {
		case want == nil && have == nil:
			return nil
		case want == nil:
			return t.host.Devices.RemoveNIC(ctx, pid, *have)
		case have == nil:
			return t.host.Devices.AddNIC(ctx, pid, *want)
		}
		if have.Type != want.Type { // one kind of interface can't become another
			if err := t.host.Devices.RemoveNIC(ctx, pid, *have); err != nil {
				return err
			}
			return t.host.Devices.AddNIC(ctx, pid, *want)
		}
		return t.host.Devices.ChangeNIC(ctx, pid, *have, *want)
	})
}

// known are the interfaces of the container before and after, as far as anybody
// knows.
func (t *task) known() []resource.NIC {
	list := slices.Clone(t.c.Have.Have.NICs)
	for _, c := range []*resource.Container{t.c.Last, t.c.Want} {
		if c != nil {
			list = append(list, c.NICs...)
		}
	}
	return list
}

// loose leaves alone what neither the text nor the generation before says of
// an adopted container's interface: what its init or LXC gave it.
func (t *task) loose(want, have *resource.NIC) *resource.NIC {
	if want == nil || have == nil || !t.c.Want.Image.Adopted() {
		return want
	}
	said := *want
	if last := nic(t.c.Last, want.Name); last != nil {
		said = said.Or(*last)
	}
	full := want.Or(have.Without(said))
	return &full
}

func (t *task) setLimits(ctx context.Context, want resource.Limits) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	return t.host.Containers.SetLimits(ctx, t.at, live.Limits, want)
}

func (t *task) setHostname(ctx context.Context, want string) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	err = t.host.Roots.SetHostnameFile(t.at, t.c.Want.IDMap, want)
	if err = unless(err, resource.ErrNotMounted); err != nil || live.Hostname == want { // an adopted root is not ours to write in
		return err
	}
	return t.host.Containers.SetHostname(ctx, t.at, want)
}

func (t *task) setResolver(ctx context.Context, want resource.Resolver) error {
	if err := t.host.Roots.SetResolver(t.at, t.c.Want.IDMap, want); err != nil {
		return err
	}
	return t.whileUp(ctx, func() error { return t.host.Containers.ReloadResolver(ctx, t.at) })
}

func (t *task) setEnvironment(ctx context.Context, c resource.Container) error {
	if err := t.host.Roots.SetEnvironment(t.at, t.c.Want.IDMap, c.Environment); err != nil {
		return err
	}
	if err := t.setSecrets(ctx, c); err != nil {
		return err
	}
	return t.whileUp(ctx, func() error { return t.host.Containers.Reload(ctx, t.at) })
}

// setSecrets brings secrets to an init that is up. One that is to come gets
// them from its own hook.
func (t *task) setSecrets(ctx context.Context, c resource.Container) error {
	if t.c.Want.Image.Adopted() || !c.Secrets() && !secretive(t.c) {
		return nil
	}
	c.Name, c.IDMap = t.at, t.c.Want.IDMap
	return t.whileUpAt(ctx, func(pid int) error { return t.host.Roots.SetSecrets(pid, c, t.host.Secrets.Reveal) })
}

// secretive says whether the container has, had, or is to have secrets.
func secretive(c plan.ContainerPlan) bool {
	return c.Want.Secrets() || c.Have.Have.Secrets() || c.Last != nil && c.Last.Secrets()
}

// had is what was there before, with the secrets of the generation before: of
// one that somebody changed the value is not known.
func (t *task) had() resource.Container {
	c := t.c.Have.Have
	c.Hidden, c.SecretFiles = nil, nil
	c.Environment = maps.Clone(c.Environment)
	maps.DeleteFunc(c.Environment, func(name, _ string) bool { return strings.HasPrefix(name, "/") })
	if t.c.Last != nil {
		c.Hidden, c.SecretFiles = t.c.Last.Hidden, t.c.Last.SecretFiles
	}
	return c
}

func (t *task) whileUp(ctx context.Context, f func() error) error {
	return t.whileUpAt(ctx, func(int) error { return f() })
}

func (t *task) whileUpAt(ctx context.Context, f func(pid int) error) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	return f(live.Init)
}

func nic(c *resource.Container, name string) *resource.NIC {
	if c == nil {
		return nil
	}
	i := slices.IndexFunc(c.NICs, func(n resource.NIC) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return &c.NICs[i]
}
