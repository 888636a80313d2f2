package apply

import (
	"context"
	"fmt"

	"strake/reconcile/resource"
)

// OpenOutlet opens the way out of a container whose init is there, with the
// rules that it has now, and the ports that it publishes, or closes them where
// it has none.
func (h Host) OpenOutlet(ctx context.Context, c resource.Container, init int) error {
	if !c.Attended() {
		return h.Outlets.Close(ctx, c.Name)
	}
	passwords := map[string]string{}
	for _, e := range c.Egress {
		if e.UpstreamPassword == nil {
			continue
		}
		value, err := h.Secrets.Reveal(e.UpstreamPassword.Digest)
		if err != nil {
			return fmt.Errorf("egress %s: upstream_password: %w", e.Name, err)
		}
		passwords[e.Name] = string(value)
	}
	o := resource.OutletOf(c)
	o.Init = init
	return h.Outlets.Open(ctx, o, passwords)
}

// setEgress does so for a container that is up. One that comes up has it from
// its own hook.
func (t *task) setEgress(ctx context.Context, c resource.Container) error {
	c.Name = t.at
	return t.whileUpAt(ctx, func(pid int) error { return t.host.OpenOutlet(ctx, c, pid) })
}

// hadEgress is what was there before. Where the proxy is follows from the
// networks, which only a record has.
func (t *task) hadEgress() resource.Container {
	c := t.c.Have.Have
	if t.c.Last != nil {
		c.Networks, c.EgressAt = t.c.Last.Networks, t.c.Last.EgressAt
	}
	return c
}
