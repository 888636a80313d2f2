package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// publishes are the ports that really lead to an interface: those on record, if
// the firewall has all that they come to, and what somebody else put there.
func (s scene) publishes(n resource.NIC) []resource.Publish {
	have, given := s.leading[n.Device], s.given[n.Device]
	var list []resource.Publish
	for _, p := range n.Publish {
		alone := given
		alone.Publish = []resource.Publish{p}
		missing := func(f resource.Forward) bool { return !slices.Contains(have, f) }
		if !slices.ContainsFunc(alone.Forwards(), missing) {
			list = append(list, p)
		}
	}
	for _, f := range have {
		if !slices.Contains(given.Forwards(), f) {
			list = append(list, resource.Publish{Port: f.Port, To: f.To, Protocol: f.Protocol})
		}
	}
	return list
}

// portsFree refuses to publish a port that leads elsewhere: to a program of the
// host, whose clients the container would get, or to another container.
func (e *Engine) portsFree(ctx context.Context, p plan.Plan, in scene) error {
	fresh := e.newPorts(p, in)
	if len(fresh) == 0 {
		return nil
	}
	listeners, err := e.Host.Devices.Listeners(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range fresh {
		if listeners[f.port] {
			errs = append(errs, fmt.Errorf("%w: container %s: %s of the host is in use by a program of its own (`ss -lntup` shows which); publish another one, or have it listen on an address that is no container's",
				ErrInvalid, f.container, f.port))
		}
	}
	return errors.Join(errs...)
}

// freshPort is one that is to be published and is not yet.
type freshPort struct{ container, port string }

func (e *Engine) newPorts(p plan.Plan, in scene) []freshPort {
	var list []freshPort
	led := map[string]bool{}
	for _, f := range in.filter.Forwards {
		led[fmt.Sprint(f.Protocol, " ", f.Port)] = true
	}
	for _, o := range in.outlets {
		for _, p := range o.Publish {
			led[fmt.Sprint("tcp ", p.Port)] = true
		}
	}
	fresh := func(c plan.ContainerPlan, place, protocol string, port int) {
		key := fmt.Sprint(protocol, " ", port)
		if !led[key] {
			led[key] = true // for the other family it is the same port
			list = append(list, freshPort{c.Name + place, key})
		}
	}
	for _, c := range p.Containers {
		if c.Want == nil {
			continue
		}
		for _, p := range c.Want.Publish {
			fresh(c, "", "tcp", p.Port)
		}
		for _, n := range c.Want.NICs {
			for _, f := range n.Forwards() {
				fresh(c, ": nic "+n.Name, f.Protocol, f.Port)
			}
		}
	}
	return list
}

// ownPorts refuses a port that a container of another stack, or one that this
// run leaves as it is, has published.
func ownPorts(p plan.Plan, in scene) error {
	owner := map[string]string{}
	mine := map[string]bool{}
	for _, c := range p.Containers {
		mine[c.Stands()] = true
	}
	for name, s := range in.standing {
		if !mine[name] {
			claim(owner, name, s.Container)
		}
	}
	var errs []error
	for _, c := range p.Containers {
		if c.Want == nil {
			continue
		}
		for port := range ports(*c.Want) {
			if other := owner[port]; other != "" {
				errs = append(errs, fmt.Errorf("%w: container %s: %s of the host is published by container %s already", ErrInvalid, c.Name, port, other))
			}
		}
	}
	return errors.Join(errs...)
}

func claim(owner map[string]string, name string, c resource.Container) {
	for port := range ports(c) {
		owner[port] = name
	}
}

// ports are the published ones, "tcp 80".
func ports(c resource.Container) map[string]bool {
	all := map[string]bool{}
	for _, p := range c.Publish {
		all[fmt.Sprint("tcp ", p.Port)] = true
	}
	for _, n := range c.NICs {
		for _, p := range n.Publish {
			for _, protocol := range p.Protocols() {
				all[fmt.Sprint(protocol, " ", p.Port)] = true
			}
		}
	}
	return all
}
