// Package adopt puts an LXC configuration that somebody else wrote into the
// words of the language: settings where the language has one that comes to
// the very same lines, raw keys for the rest. It is pure, and it decides
// nothing by itself about what liblxc makes of a line: Differ compares what
// liblxc says of both configurations, and a group of keys in which they
// differ is read again as raw.
package adopt

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/spec"
)

// Group is a part of a configuration that becomes settings, or stays raw, as
// a whole.
type Group string

// The groups.
const (
	Hostname    Group = "hostname"
	IDs         Group = "idmap"
	Autostart   Group = "autostart"
	Environment Group = "environment"
	Memory      Group = "memory"
	CPU         Group = "cpu"
	Processes   Group = "processes"
	NICs        Group = "nics"
	Mounts      Group = "mounts"
)

// Raw are the groups that stay in LXC's own words.
type Raw map[Group]bool

// ErrUnfit: a container that can't be taken over as it is.
var ErrUnfit = errors.New("can't be taken over")

// Found is what a configuration comes to.
type Found struct {
	Container spec.Container
	Networks  []spec.Network // the bridges of its interfaces, all external
	Entry     ledger.Entry   // what it has that nobody else may be given
}

// Read puts lines into words. ours are the bridges that strake made.
func Read(name string, lines []resource.Line, raw Raw, ours []string) (Found, error) {
	r := reader{keys: settle(lines), raw: raw, ours: ours}
	r.found.Container = spec.Container{Name: name, Raw: map[string][]string{}}
	if err := r.fits(lines); err != nil {
		return r.found, fmt.Errorf("container %s: %w", name, err)
	}
	for _, read := range []func() error{
		r.image, r.hostname, r.ids, r.autostart, r.environment, r.memory, r.cpu, r.processes, r.nics, r.mounts,
	} {
		if err := read(); err != nil {
			return r.found, fmt.Errorf("container %s: %w", name, err)
		}
	}
	for _, k := range r.keys {
		r.found.Container.Raw[k.name] = k.values
	}
	return r.found, nil
}

// key is one key with all its values, in order.
type key struct {
	name   string
	values []string
}

// settle gathers lines by key. A line without a value empties its key, and
// those below it: "lxc.hook =" is the end of all hooks so far.
func settle(lines []resource.Line) []key {
	at := map[string]int{}
	var list []key
	for _, l := range lines {
		if l.Value == "" {
			for i := range list {
				if list[i].name == l.Key || strings.HasPrefix(list[i].name, l.Key+".") {
					list[i].values = nil
				}
			}
			continue
		}
		i, ok := at[l.Key]
		if !ok {
			i = len(list)
			at[l.Key], list = i, append(list, key{name: l.Key})
		}
		list[i].values = append(list[i].values, l.Value)
	}
	return slices.DeleteFunc(list, func(k key) bool { return len(k.values) == 0 })
}

// reader takes keys out of the list as they become settings.
type reader struct {
	keys  []key
	raw   Raw
	ours  []string
	found Found
}

// last is the value of a key that has one: liblxc takes the last.
func (r *reader) last(name string) string {
	if v := r.all(name); len(v) > 0 {
		return v[len(v)-1]
	}
	return ""
}

func (r *reader) all(name string) []string {
	i := slices.IndexFunc(r.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return r.keys[i].values
}

// take removes keys that are settings now.
func (r *reader) take(names ...string) {
	r.keys = slices.DeleteFunc(r.keys, func(k key) bool { return slices.Contains(names, k.name) })
}

// fits refuses what no text could say, or what strake must not keep.
func (r *reader) fits(lines []resource.Line) error {
	if r.last("lxc.ephemeral") == "1" {
		return fmt.Errorf("%w: it is ephemeral, and LXC deletes it when it stops: take lxc.ephemeral out", ErrUnfit)
	}
	r.take("lxc.ephemeral")
	allowed := map[string]bool{}
	for _, l := range lines {
		group, ok := strings.CutSuffix(l.Key, ".devices.allow")
		if ok && l.Value != "" {
			allowed[group] = true
		}
		if group, ok = strings.CutSuffix(l.Key, ".devices.deny"); ok && l.Value != "" && allowed[group] {
			return fmt.Errorf("%w: its configuration denies a device behind one that it allows; raw keys have no order among each other: put the lines of %s first", ErrUnfit, l.Key)
		}
	}
	for _, l := range lines {
		if strings.ContainsAny(l.Value, "\r\n\x00") {
			return fmt.Errorf("%w: a value of %s has a control character", ErrUnfit, l.Key)
		}
	}
	return nil
}

func (r *reader) image() error {
	path := r.last("lxc.rootfs.path")
	if path == "" {
		path = "none"
	}
	r.found.Container.Image = &spec.Image{Source: spec.Adopted + path}
	r.take("lxc.rootfs.path")
	return nil
}

// ids is a plain range where both maps have the same one from 0 on. Every
// other mapping stays as it is written. All ids are the container's.
func (r *reader) ids() error {
	maps := r.all("lxc.idmap")
	if len(maps) == 0 {
		r.found.Container.IDMap.Privileged = true
		return nil
	}
	kinds := map[string][]extent{}
	for _, m := range maps {
		e, err := parseExtent(m)
		if err != nil {
			return err
		}
		kinds[e.kind] = append(kinds[e.kind], e)
		r.found.Entry.Brought = append(r.found.Entry.Brought, idmap.Range{Base: e.base, Size: e.size})
	}
	u, g := kinds["u"], kinds["g"]
	plain := len(maps) == 2 && len(u) == 1 && len(g) == 1 && u[0].inside == 0 && g[0].inside == 0 && u[0].base == g[0].base && u[0].size == g[0].size
	if !plain || u[0].base == 0 || r.raw[IDs] {
		return nil
	}
	r.found.Entry.Brought = r.found.Entry.Brought[:1]
	if u[0].size != 65536 {
		r.found.Container.IDMap.Size = u[0].size
	}
	r.take("lxc.idmap")
	return nil
}

// Mapped are the ids of the host that a configuration maps into its container.
// What is no mapping is left out: LXC starts no such container.
func Mapped(lines []resource.Line) []idmap.Range {
	var list []idmap.Range
	for _, k := range settle(lines) {
		if k.name != "lxc.idmap" {
			continue
		}
		for _, m := range k.values {
			if e, err := parseExtent(m); err == nil {
				list = append(list, idmap.Range{Base: e.base, Size: e.size})
			}
		}
	}
	return list
}

// extent is one line of lxc.idmap: "u 0 100000 65536".
type extent struct {
	kind               string
	inside, base, size uint32
}

func parseExtent(text string) (extent, error) {
	var e extent
	if n, err := fmt.Sscan(text, &e.kind, &e.inside, &e.base, &e.size); err != nil || n != 4 || e.size == 0 || e.base+e.size < e.base {
		return e, fmt.Errorf("%w: its lxc.idmap %q is no mapping", ErrUnfit, text)
	}
	return e, nil
}
