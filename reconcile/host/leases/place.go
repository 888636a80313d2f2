package leases

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"strake/reconcile/resource"
)

// place is the folder of one bridge.
//
//	served    all of it as JSON: a start hook may know of less
//	hosts     for --dhcp-hostsfile: MAC, addresses, name
//	names     for --addn-hosts, as /etc/hosts
//	leases    dnsmasq's own
//	faults    what dnsmasq said when systemd started it
//	pid-N     dnsmasq's, while it serves the bridge with interface index N
type place struct {
	path   string
	bridge string
	owner  account
}

// at is the folder for a bridge. No interface's name has a slash or is "..".
func (l *Leases) at(bridge string) place {
	return place{path: filepath.Join(l.folder, bridge), bridge: bridge, owner: servant()}
}

func (p place) file(name string) string { return filepath.Join(p.path, name) }

// make makes the folder: dnsmasq reads it when it is no longer root.
func (p place) make() error {
	if err := os.MkdirAll(p.path, 0o750); err != nil {
		return err
	}
	return os.Chown(p.path, 0, p.owner.gid)
}

// served is what a bridge is served with.
type served struct {
	Network resource.Network `json:"network"`
	Guests  []resource.Guest `json:"guests"`
}

// write brings the files to what they should say; changed is true when one of
// those that dnsmasq has to read again is another now.
func (p place) write(s served) (changed bool, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return false, err
	}
	if _, err := p.replace("served", string(text)+"\n"); err != nil {
		return false, err
	}
	for name, text := range texts(s) {
		wrote, err := p.replace(name, text)
		if err != nil {
			return changed, err
		}
		changed = changed || wrote
	}
	return changed, nil
}

// replace writes a file in one step, and not at all where it is as wanted.
func (p place) replace(name, text string) (bool, error) {
	if have, err := os.ReadFile(p.file(name)); err == nil && string(have) == text {
		return false, nil
	}
	aside := p.file("." + name)
	if err := os.WriteFile(aside, []byte(text), 0o640); err != nil {
		return false, err
	}
	if err := errors.Join(os.Chown(aside, 0, p.owner.gid), os.Chmod(aside, 0o640)); err != nil {
		return false, err
	}
	return true, os.Rename(aside, p.file(name))
}

// read is what was served last; a damaged record is none.
func (p place) read() (s served, ok bool) {
	text, err := os.ReadFile(p.file("served"))
	return s, err == nil && json.Unmarshal(text, &s) == nil
}

// intact says whether the files are as they were written.
func (p place) intact(s served) bool {
	for name, want := range texts(s) {
		if have, err := os.ReadFile(p.file(name)); err != nil || string(have) != want {
			return false
		}
	}
	return true
}

// remove ends whoever runs, or is to be started again, and deletes all.
func (l *Leases) remove(ctx context.Context, p place) error {
	if m, ok := l.manager(); ok {
		m.stop(ctx, p)
	}
	var errs []error
	for _, d := range p.daemons() {
		errs = append(errs, d.end())
		d.close()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("end services of %s: %w", p.bridge, err)
	}
	return os.RemoveAll(p.path)
}
