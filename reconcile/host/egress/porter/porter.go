// Package porter keeps the doors of containers: it is the process that the
// proxy of their egress runs in, and that leads published ports of the host to
// them; and how others speak to it. Whoever may
// (strake while it applies, the hook of a start) opens the sockets within a
// container's network namespace and hands them over; the process itself has no
// power over anything, and goes on as a user who owns nothing. It outlives
// strake, is found by its socket, and is started by whoever needs it where neither
// a unit nor an agent has done so. Without it nobody has a way out.
package porter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/egress"
	"strake/reconcile/host/egress/porter/inlet"
	"strake/reconcile/resource"
)

// Options say where things are.
type Options struct {
	Folder  string   // what is kept: socket, locks, logs; required
	Command []string // starts the process where none runs; empty: nobody does
	Opens   []string // command that opens the ways out of all containers that run, as root; empty: nobody does
}

// Porter speaks to the process.
type Porter struct{ o Options }

// Open touches nothing.
func Open(o Options) *Porter { return &Porter{o} }

func (p *Porter) file(name string) string { return filepath.Join(p.o.Folder, name) }

// Open opens the way out of a container, or gives it other rules. What is open
// already in the namespace of its init stays as it is.
func (p *Porter) Open(ctx context.Context, o resource.Outlet, passwords map[string]string) error {
	err := p.alone(func() error {
		c, err := p.reach(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		return p.open(c, o, passwords)
	})
	if err != nil {
		return fmt.Errorf("open way out of %s: %w", o.Container, err)
	}
	return nil
}

func (p *Porter) open(c *net.UnixConn, o resource.Outlet, passwords map[string]string) error {
	have, err := ask(c, request{Do: look, Outlet: o})
	if err != nil {
		return err
	}
	listens, err := listening(o.Init, have)
	if err != nil {
		return err
	}
	doors, err := missing(o, listens)
	if err != nil {
		return err
	}
	inlets, taken := missingInlets(o, have, listens) // a port that is taken is no reason to have no way out
	doors = append(doors, inlets...)
	defer func() {
		for _, d := range doors {
			d.Close()
		}
	}()
	if err := write(c, request{Do: openDoor, Outlet: o, Passwords: passwords, Doors: len(doors)}); err != nil {
		return err
	}
	for _, d := range doors {
		if err := egress.Send(c, d); err != nil {
			return err
		}
	}
	_, err = answer(c)
	return errors.Join(err, taken)
}

// missing opens the sockets that the process does not have, or that are not
// where they should be.
func missing(o resource.Outlet, listens doors) (list []egress.Handed, err error) {
	defer func() {
		if err != nil {
			for _, d := range list {
				d.Close()
			}
		}
	}()
	if o.Loopback && !listens.inner {
		l, err := egress.Listen(o.Init, resource.LoopbackProxy)
		if errors.Is(err, unix.EADDRINUSE) {
			err = fmt.Errorf("%w: a program in the container has port %s", err, resource.ProxyPort)
		}
		if err != nil {
			return list, err
		}
		list = append(list, egress.Handed{Container: o.Container, Listener: l})
	}
	if f := o.Front; f != nil && !listens.front {
		l, err := frontListener(*f)
		if err != nil {
			return list, err
		}
		list = append(list, egress.Handed{Network: f.Key(), Listener: l})
	}
	return list, nil
}

// missingInlets opens those of published ports, and what leads into the
// namespace; all that it can.
func missingInlets(o resource.Outlet, have reply, listens doors) (list []egress.Handed, wrong error) {
	if len(o.Publish) > 0 && (!have.Sown || have.Outlet.Init != o.Init) {
		seeds, err := inlet.Plant(o.Init)
		if err != nil {
			return list, err
		}
		list = append(list, egress.Handed{Container: o.Container, Sockets: seeds.Sockets()})
	}
	for _, p := range o.Publish {
		if listens.inlets[p.Port] {
			continue
		}
		l, err := egress.Plain().Listen(context.Background(), "tcp", ":"+strconv.Itoa(p.Port))
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("publish port %d of the host: %w", p.Port, err))
			continue
		}
		list = append(list, egress.Handed{Container: o.Container, Port: p.Port, Listener: &egress.Listener{TCPListener: l.(*net.TCPListener)}})
	}
	return list, wrong
}

// frontListener listens at the bridge's own address, for what comes in by the
// bridge and nothing else: by the address alone whoever routes to it could ask.
func frontListener(f resource.Front) (*egress.Listener, error) {
	host := f.Address
	if resource.IsIPv6(host) {
		host += "%" + f.Bridge
	}
	config := egress.Plain()
	config.Control = func(_, _ string, c rawConn) (err error) {
		wrong := c.Control(func(fd uintptr) {
			err = unix.SetsockoptString(int(fd), unix.SOL_SOCKET, unix.SO_BINDTODEVICE, f.Bridge)
		})
		return errors.Join(wrong, err)
	}
	l, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(host, resource.ProxyPort))
	if err != nil {
		return nil, fmt.Errorf("listen on bridge %s: %w", f.Bridge, err)
	}
	return &egress.Listener{TCPListener: l.(*net.TCPListener)}, nil
}

// Close closes the way out of a container. Where nobody runs, none is open.
func (p *Porter) Close(ctx context.Context, container string) error {
	return p.alone(func() error {
		c, err := p.dial()
		if err != nil {
			return nil
		}
		defer c.Close()
		_, err = ask(c, request{Do: closeDoor, Outlet: resource.Outlet{Container: container}})
		if err != nil {
			return fmt.Errorf("close way out of %s: %w", container, err)
		}
		return nil
	})
}

// Observe tells all ways out that are open, as the process has them. Where
// nobody runs there is none.
func (p *Porter) Observe(ctx context.Context) ([]resource.Outlet, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := p.dial()
	if err != nil {
		return nil, nil
	}
	defer c.Close()
	if err := write(c, request{Do: list}); err != nil {
		return nil, nil // it ended just now
	}
	var all []resource.Outlet
	for {
		r, err := answer(c)
		if err != nil {
			return all, fmt.Errorf("ask the egress proxy what is open: %w", err)
		}
		if r.Outlet.Container == "" {
			return all, nil
		}
		all = append(all, r.Outlet)
	}
}

// Listens tells where a container finds the proxy and which of its ports are
// published, of all that should be: the kernel is asked whether the process's
// sockets listen there.
func (p *Porter) Listens(o resource.Outlet) (resource.Outlet, error) {
	c, err := p.dial()
	if err != nil {
		return o.Shut(), nil
	}
	defer c.Close()
	have, err := ask(c, request{Do: look, Outlet: o})
	if err != nil {
		return o.Shut(), fmt.Errorf("ask the egress proxy for %s: %w", o.Container, err)
	}
	listens, err := listening(o.Init, have)
	if err != nil {
		return o.Shut(), err
	}
	o.Loopback = o.Loopback && listens.inner
	if !listens.front {
		o.Front = nil
	}
	o.Publish = slices.DeleteFunc(slices.Clone(o.Publish), func(p resource.Publish) bool { return !listens.inlets[p.Port] })
	return o, nil
}

// alone holds a lock while f runs: a hook and a run may want to open the same
// door, and two sockets can't have one address.
func (p *Porter) alone(f func() error) error {
	lock, err := p.lock("lock")
	if err != nil {
		return err
	}
	defer lock.Close()
	return f()
}

func (p *Porter) lock(name string) (*os.File, error) {
	if err := os.MkdirAll(p.o.Folder, 0o711); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(p.file(name), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
