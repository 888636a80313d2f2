package netdev

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// What is written to the whole host's forwarding, the kernel writes to that of each
// interface (inet_forward_change, addrconf_forward_change). So the record has those
// that forwarded by themselves, and no interface is put back while the host's is
// in use.

// whole is the setting of the whole host that an interface's forwarding goes along
// with; "" for other settings.
func whole(path string) string {
	if path != forward4 && strings.HasPrefix(path, "net/ipv4/conf/") && strings.HasSuffix(path, "/forwarding") {
		return forward4
	}
	return ""
}

// forwardingOf is an interface's own share of forward4 or forward6.
func forwardingOf(host, name string) string {
	return strings.Join(append(strings.Split(host, "/")[:2], "conf", name, "forwarding"), "/")
}

// was is what an interface's setting had been without us: all are on while the whole
// host's is.
func (r *ledger) was(path, value string) string {
	e := r.Settings[whole(path)]
	if len(e.Users) == 0 || e.Was == "1" {
		return value
	}
	if slices.ContainsFunc(e.Alone, func(name string) bool { return forwardingOf(forward4, name) == path }) {
		return "1"
	}
	return "0"
}

// withhold forgets a setting of one interface, in place of putting it back, while
// the whole host's is in use.
func (r *ledger) withhold(path string) bool {
	host := whole(path)
	e := r.Settings[host]
	if len(e.Users) == 0 {
		return false
	}
	if name := strings.Split(path, "/")[3]; r.Settings[path].Was == "1" && !slices.Contains(e.Alone, name) {
		e.Alone = append(e.Alone, name)
		r.Settings[host] = e
	}
	delete(r.Settings, path)
	return true
}

// forwarders adds the interfaces that forward though the whole host does not, and
// not because of us.
func (r *ledger) forwarders(host string, known []string) ([]string, error) {
	all, err := os.ReadDir("/proc/sys/" + strings.TrimSuffix(forwardingOf(host, ""), "/forwarding"))
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for _, f := range all {
		name := f.Name()
		path := forwardingOf(host, name)
		if name == "all" || name == "default" || slices.Contains(known, name) || len(r.Settings[path].Users) > 0 || r.knows(name) {
			continue
		}
		value, err := read(path)
		if err != nil {
			return nil, err
		}
		if value == "1" {
			known = append(known, name)
		}
	}
	return known, nil
}

// goOn has those forward again that the kernel has stopped with the whole host.
func (r *ledger) goOn(host string, alone []string) error {
	for path, e := range r.Settings {
		if whole(path) == host {
			alone = append(append(slices.Clone(alone), strings.Split(path, "/")[3]), e.Users...)
		}
	}
	var errs []error
	for _, name := range alone {
		if value, err := read(forwardingOf(host, name)); err != nil || value == "" {
			errs = append(errs, err) // gone meanwhile
			continue
		}
		errs = append(errs, setting{forwardingOf(host, name), "1"}.ensure())
	}
	return errors.Join(errs...)
}
