package netdev

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"

	"strake/reconcile/resource"
)

const (
	forward4 = "net/ipv4/ip_forward"
	forward6 = "net/ipv6/conf/all/forwarding"
)

// needsOf lists those that an interface can't do without.
func needsOf(n resource.NIC) []string {
	var list []string
	for _, f := range n.Forwards() {
		if path := forwardOf(resource.IsIPv6(f.Address)); !slices.Contains(list, path) {
			list = append(list, path)
		}
	}
	return append(list, needsOfRouted(n)...)
}

func forwardOf(six bool) string {
	if six {
		return forward6
	}
	return forward4
}

// demand makes the host forward what a bridge or a device needs, and stops what
// only it needed until now. Under the lock.
func (d *Devices) demand(user string, need []string) error {
	r, err := d.readRecord()
	if err != nil {
		return err
	}
	for _, path := range need {
		if err := r.enter(path, user); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(r.Settings)) {
		if slices.Contains(need, path) {
			continue
		}
		if err := r.leave(path, user); err != nil {
			return err
		}
	}
	return nil
}

// forward is demand for an interface. Most need nothing and never did: for
// them nobody waits.
func (d *Devices) forward(n resource.NIC, need []string) error {
	if n.Device == "" {
		return nil
	}
	r, err := d.readRecord()
	if err != nil || len(need) == 0 && !r.knows(n.Device) {
		return err
	}
	return d.locked(func() error { return d.demand(n.Device, need) })
}

func (r *ledger) knows(user string) bool {
	for _, e := range r.Settings {
		if slices.Contains(e.Users, user) {
			return true
		}
	}
	return false
}

// forwards says whether a bridge or a device is on record as one that needs
// forwarding, and the kernel does all of it.
func (d *Devices) forwards(user string) (bool, error) {
	r, err := d.readRecord()
	if err != nil {
		return false, err
	}
	used := false
	for path, e := range r.Settings {
		if !slices.Contains(e.Users, user) {
			continue
		}
		if value, err := read(path); err != nil || value != "1" {
			return false, err
		}
		used = true
	}
	return used, nil
}

// enter switches a setting on for a user. IPv6 forwarding makes an interface
// deaf to router advertisements unless accept_ra is 2, and the host may live
// by them: what listened before keeps listening.
func (r *ledger) enter(path, user string) error {
	e := r.Settings[path]
	value, err := read(path)
	if err != nil {
		return err
	}
	if value == "" {
		return fmt.Errorf("set %s: the kernel has no such setting", path)
	}
	if len(e.Users) == 0 {
		e = entry{Was: r.was(path, value)}
	}
	if !slices.Contains(e.Users, user) {
		e.Users = append(e.Users, user)
		slices.Sort(e.Users)
	}
	if path == forward6 && value != "1" {
		if e.RA, err = listeners(e.RA); err != nil {
			return err
		}
	}
	if (path == forward4 || path == forward6) && value != "1" {
		if e.Alone, err = r.forwarders(path, e.Alone); err != nil {
			return err
		}
	}
	r.Settings[path] = e
	if err := r.save(); err != nil {
		return err
	}
	for _, name := range e.RA {
		if err := keepListening(name); err != nil {
			return err
		}
	}
	return setting{path, "1"}.ensure()
}

// leave puts the setting back when its last user goes.
func (r *ledger) leave(path, user string) error {
	e, ok := r.Settings[path]
	if !ok || !slices.Contains(e.Users, user) {
		return nil
	}
	e.Users = slices.DeleteFunc(slices.Clone(e.Users), func(u string) bool { return u == user })
	if len(e.Users) > 0 {
		r.Settings[path] = e
		return r.save()
	}
	if r.withhold(path) {
		return r.save()
	}
	if value, err := read(path); err != nil || value != "" { // else its interface is gone, and it with that
		if err := errors.Join(err, (setting{path, e.Was}).ensure()); err != nil {
			return err
		}
	}
	if e.Was != "1" {
		if err := r.goOn(path, e.Alone); err != nil {
			return err
		}
	}
	for _, name := range e.RA {
		if value, err := read(acceptRA(name)); err != nil || value != "2" {
			continue // gone, or changed by somebody since
		}
		if err := (setting{acceptRA(name), "1"}).ensure(); err != nil {
			return err
		}
	}
	delete(r.Settings, path)
	return r.save()
}

// port says that an interface belongs to another, which receives in its
// place: containers' devices need no care.
func port(name string) bool {
	l, err := netlink.LinkByName(name)
	return err == nil && l.Attrs().MasterIndex != 0
}

func acceptRA(name string) string { return "net/ipv6/conf/" + name + "/accept_ra" }

func keepListening(name string) error {
	if value, err := read(acceptRA(name)); err != nil || value != "1" {
		return err
	}
	return setting{acceptRA(name), "2"}.ensure()
}

// listeners adds the interfaces that take router advertisements now.
func listeners(known []string) ([]string, error) {
	all, err := os.ReadDir("/proc/sys/net/ipv6/conf")
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for _, f := range all {
		name := f.Name()
		if name == "all" || name == "default" || name == "lo" || slices.Contains(known, name) || port(name) {
			continue
		}
		value, err := read(acceptRA(name))
		if err != nil {
			return nil, err
		}
		forwarding, err := read(strings.Replace(acceptRA(name), "accept_ra", "forwarding", 1))
		if err != nil {
			return nil, err
		}
		if value == "1" && forwarding == "0" {
			known = append(known, name)
		}
	}
	return known, nil
}
