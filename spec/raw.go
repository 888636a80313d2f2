package spec

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (c *checker) raw(o *Container) {
	for _, k := range slices.Sorted(maps.Keys(o.Raw)) {
		path := `raw["` + k + `"]`
		if !strings.HasPrefix(k, "lxc.") || !rawKey(k) {
			c.wrong(o, path, quote(k)+" is not an LXC key", `LXC keys start with "lxc." and have letters, digits and the characters . _ - (see lxc.container.conf(5)).`)
			continue
		}
		if instead := o.instead(k); instead != "" {
			c.wrong(o, path, k+" is set by strake itself", instead)
		} else if !knownLXCKey(k) {
			c.wrong(o, path, k+" is no key that LXC has", "See lxc.container.conf(5)."+nearLXCKey(k))
		}
		if len(o.Raw[k]) == 0 {
			c.wrong(o, path, k+" has no value", "Write a string, or a list with one at least.")
		}
		for _, value := range o.Raw[k] {
			if why := oneLine(value); why != "" {
				c.wrong(o, path, "the value of "+k+" "+why, "An LXC configuration holds one line a key.")
			}
		}
	}
}

// instead says what to write instead of an LXC key. An adopted container is
// what its LXC configuration was, so it keeps nearly all of it.
func (o *Container) instead(key string) string {
	if !o.adopted() {
		return owned(key)
	}
	for _, k := range []struct {
		prefix string
		taken  bool
	}{
		{"lxc.rootfs.path", true}, {"lxc.include", true}, {"lxc.ephemeral", true},
		{"lxc.idmap", o.IDMap != IDMap{}}, {"lxc.uts.name", o.Hostname != ""},
		{"lxc.start", o.Autostart.Enabled != nil}, {"lxc.group", o.Autostart.Enabled != nil}, {"lxc.environment", len(o.Environment) > 0},
	} {
		if k.taken && (key == k.prefix || strings.HasPrefix(key, k.prefix+".")) {
			return owned(key)
		}
	}
	for i := range o.NICs {
		for _, part := range []string{"type", "flags", "link", "name"} {
			if key == fmt.Sprintf("lxc.net.%d.%s", i, part) {
				return owned(key)
			}
		}
	}
	if o.Limits != (Limits{}) {
		return ownedLimit(key)
	}
	return ""
}

// adopted says whether the container was taken over, with a root filesystem
// that is not strake's.
func (o *Container) adopted() bool {
	return o.Image != nil && strings.HasPrefix(o.Image.Source, Adopted)
}

func rawKey(k string) bool {
	return len(k) > len("lxc.") && !strings.ContainsFunc(k, func(r rune) bool { return !interfaceLetter(r) })
}

// owned says what to write instead of an LXC key that strake sets itself, or
// nothing. A key that liblxc keeps in a list (lxc.hook.pre-start,
// lxc.mount.entry) would not replace strake's, but come beside it; the guard
// in front of the network and the id-mapped root would no longer be all that
// there is.
func owned(key string) string {
	for _, o := range []struct{ prefix, instead string }{
		{"lxc.rootfs", "The root filesystem comes from image."},
		{"lxc.idmap", "Ids are given by strake. Write idmap { size = 65536 } or idmap { privileged = true }."},
		{"lxc.id_map", "Ids are given by strake. Write idmap { size = 65536 } or idmap { privileged = true }."},
		{"lxc.net", `Write a nic "eth0" { ... } block.`},
		{"lxc.uts.name", "Write hostname."},
		{"lxc.utsname", "Write hostname."},
		{"lxc.include", "Other files can't be included: a generation has to hold everything that the container is made of."},
		{"lxc.hook.pre-start", "strake needs this hook to make mounts, bridges and the guard before a start."},
		{"lxc.hook.version", "strake's own hook needs it."},
		{"lxc.start", "Write autostart = true, or autostart { order = 1, delay = \"5s\" } with one setting a line."},
		{"lxc.group", "Write autostart { group = \"NAME\" }."},
		{"lxc.environment", "Write environment = { NAME = \"value\" }."},
		{"lxc.mount.entry", "Write a mount \"/target\" { source = \"/source\" } block."},
		{"lxc.mount.fstab", "Write a mount \"/target\" { source = \"/source\" } block."},
		{"lxc.log", "strake sets where the log goes; see it with: strake logs NAME"},
		{"lxc.ephemeral", "liblxc would delete the container when it stops; strake keeps its generations."},
	} {
		if key == o.prefix || strings.HasPrefix(key, o.prefix+".") {
			return o.instead
		}
	}
	return ownedLimit(key)
}

// ownedLimit covers the cgroup keys behind limits, in both hierarchies.
func ownedLimit(key string) string {
	rest, ok := strings.CutPrefix(key, "lxc.cgroup2.")
	if !ok {
		if rest, ok = strings.CutPrefix(key, "lxc.cgroup."); !ok {
			return ""
		}
	}
	switch rest {
	case "memory.max", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.swap.max":
		return "Write limits { memory = \"512MiB\" }."
	case "cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us":
		return "Write limits { cpus = 1.5 }."
	case "pids.max":
		return "Write limits { processes = 400 }."
	}
	return ""
}
