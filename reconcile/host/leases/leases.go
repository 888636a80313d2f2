// Package leases serves managed networks: addresses by DHCP, names of
// containers, router advertisements. There is one dnsmasq for each bridge that
// wants any of it, bound to it and to nothing else. It outlives strake: whatever
// runs is found again by what the kernel tells of it. Where systemd runs the host, it is
// a unit. Which addresses there are is
// decided elsewhere: dnsmasq gives to each interface the one that it has.
package leases

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// ErrNoDnsmasq: the program dnsmasq is not on this host.
var ErrNoDnsmasq = errors.New("dnsmasq is not installed (Debian: dnsmasq-base)")

// Options say where things are.
type Options struct {
	Folder  string // what dnsmasq reads, a folder for each bridge; required
	Dnsmasq string // absolute path; "": looked for in the system's folders
}

// Leases are the services of one installation.
type Leases struct {
	folder  string
	dnsmasq string
	manager func() (manager, bool)
}

// Open touches nothing; a missing dnsmasq shows when it is needed.
func Open(o Options) *Leases {
	l := &Leases{folder: o.Folder, dnsmasq: o.Dnsmasq, manager: systemd}
	if l.dnsmasq == "" {
		l.dnsmasq = lookUp("dnsmasq")
	}
	return l
}

// lookUp does not use PATH: a start hook has none to rely on.
func lookUp(program string) string {
	for _, folder := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/run/current-system/sw/bin"} {
		path := filepath.Join(folder, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// Set makes what is served exactly what g says, and ends what else there is. On
// a bridge that is not there nothing can be served, which is no error.
// A change of guests is told to who runs; only another service is started anew.
func (l *Leases) Set(ctx context.Context, g resource.Guard) error {
	return l.alone(g, func(lock *os.File) error {
		var errs []error
		for _, n := range g.Networks {
			if n.Serves() {
				errs = append(errs, l.serve(ctx, lock, served{n, resource.On(g.Guests, n.Bridge)}))
			}
		}
		return errors.Join(append(errs, l.endOthers(ctx, g))...)
	})
}

// Ensure sees to it that the networks of g are served, and adds its guests. A
// network that is known here is served as it was last: what a container was
// started with once may be older.
func (l *Leases) Ensure(ctx context.Context, g resource.Guard) error {
	return l.alone(g, func(lock *os.File) error {
		var errs []error
		for _, n := range g.Networks {
			errs = append(errs, l.ensure(ctx, lock, n, g.Guests))
		}
		return errors.Join(errs...)
	})
}

func (l *Leases) ensure(ctx context.Context, lock *os.File, n resource.Network, guests []resource.Guest) error {
	last, ok := l.at(n.Bridge).read()
	if ok {
		n = last.Network
	}
	if !n.Serves() {
		return nil
	}
	return l.serve(ctx, lock, served{n, resource.Joined(resource.On(guests, n.Bridge), last.Guests)})
}

// serve writes what dnsmasq reads, and has it read that.
func (l *Leases) serve(ctx context.Context, lock *os.File, s served) error {
	p := l.at(s.Network.Bridge)
	err := p.make()
	if err == nil {
		err = l.run(ctx, lock, p, s)
	}
	if err != nil {
		return fmt.Errorf("serve network %s: %w", s.Network.Name, err)
	}
	return nil
}

// run leaves one dnsmasq running: the one that does already, unless it was
// started otherwise or for a bridge that is gone.
func (l *Leases) run(ctx context.Context, lock *os.File, p place, s served) error {
	link, err := net.InterfaceByName(p.bridge)
	if err != nil {
		return l.remove(ctx, p) // whoever makes the bridge has it served, too
	}
	changed, err := p.write(s)
	if err != nil {
		return err
	}
	want := p.arguments(s, link.Index)
	running := false
	for _, d := range p.daemons() {
		if !running && slices.Equal(d.args[1:], want) {
			running = true
			if changed {
				err = d.signal(unix.SIGHUP)
			}
		} else {
			err = errors.Join(err, l.end(ctx, p, d))
		}
		d.close()
	}
	p.sweep(link.Index)
	if running || err != nil {
		return err
	}
	return l.start(ctx, lock, p, link.Index, want)
}

// endOthers ends what nobody wants, with all that is written for it.
func (l *Leases) endOthers(ctx context.Context, g resource.Guard) error {
	places, err := l.places()
	var errs []error
	for _, p := range places {
		if !slices.ContainsFunc(g.Networks, func(n resource.Network) bool { return n.Bridge == p.bridge && n.Serves() }) {
			errs = append(errs, l.remove(ctx, p))
		}
	}
	return errors.Join(append(errs, err)...)
}

// places are the bridges that something is written for.
func (l *Leases) places() ([]place, error) {
	entries, err := os.ReadDir(l.folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var list []place
	for _, e := range entries {
		if e.IsDir() {
			list = append(list, l.at(e.Name()))
		}
	}
	return list, err
}

// alone holds the lock while f runs: hooks of several containers and a run may
// want to serve at the same time. Where nothing is served and nothing shall be, there is
// nothing to lock.
func (l *Leases) alone(g resource.Guard, f func(lock *os.File) error) error {
	wanted := slices.ContainsFunc(g.Networks, resource.Network.Serves)
	if places, err := l.places(); err == nil && len(places) == 0 && !wanted {
		return nil
	}
	if err := os.MkdirAll(l.folder, 0o711); err != nil {
		return fmt.Errorf("lock leases: %w", err)
	}
	lock, err := os.OpenFile(l.folder+".lock", os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lock leases: %w", err)
	}
	defer lock.Close()
	for {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX)
		if err == nil {
			return f(lock)
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock leases: %w", err)
		}
	}
}
