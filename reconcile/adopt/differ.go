package adopt

import (
	"slices"
	"strconv"
	"strings"
)

// groupKeys are the keys of a group of limits, in both hierarchies.
func groupKeys(g Group) []string {
	switch g {
	case Memory:
		return []string{"lxc.cgroup2.memory.max", "lxc.cgroup2.memory.swap.max", "lxc.cgroup.memory.limit_in_bytes", "lxc.cgroup.memory.memsw.limit_in_bytes"}
	case CPU:
		return []string{"lxc.cgroup2.cpu.max", "lxc.cgroup.cpu.cfs_quota_us", "lxc.cgroup.cpu.cfs_period_us"}
	case Processes:
		return []string{"lxc.cgroup2.pids.max", "lxc.cgroup.pids.max"}
	}
	return nil
}

// GroupOf is the group of a key; "" for one that is raw anyway.
func GroupOf(key string) Group {
	for _, g := range []Group{Memory, CPU, Processes} {
		if slices.Contains(groupKeys(g), key) {
			return g
		}
	}
	for _, k := range []struct {
		prefix string
		group  Group
	}{
		{"lxc.uts.name", Hostname}, {"lxc.idmap", IDs}, {"lxc.start", Autostart}, {"lxc.group", Autostart},
		{"lxc.environment", Environment}, {"lxc.net", NICs}, {"lxc.mount.entry", Mounts},
	} {
		if key == k.prefix || strings.HasPrefix(key, k.prefix+".") {
			return k.group
		}
	}
	return ""
}

// Differ lists the keys in which two configurations differ, as liblxc prints
// them. What means the same is the same: a size in other units, binds that
// don't touch each other in another order.
func Differ(before, after map[string]string) []string {
	var list []string
	for key := range before {
		if before[key] == "" && numberedName(key, after[key]) {
			continue
		}
		if !Same(key, before[key], after[key]) {
			list = append(list, key)
		}
	}
	for key := range after {
		if _, both := before[key]; !both && after[key] != "" && !numberedName(key, after[key]) {
			list = append(list, key)
		}
	}
	slices.Sort(list)
	return list
}

// Same says whether two values of a key mean the same.
func Same(key, a, b string) bool { return plainly(key, a) == plainly(key, b) }

// Templated says whether a value is another one each time that it is read:
// liblxc fills in a MAC's x by chance.
func Templated(key, value string) bool {
	return strings.HasPrefix(key, "lxc.net.") && strings.HasSuffix(key, ".hwaddr") && strings.ContainsAny(value, "xX")
}

// numberedName: an interface without a name gets that one from the kernel.
func numberedName(key, value string) bool {
	number, ok := strings.CutSuffix(strings.TrimPrefix(key, "lxc.net."), ".name")
	return ok && value == "eth"+number
}

// plainly is a value without what makes no difference.
func plainly(key, value string) string {
	switch {
	case strings.HasSuffix(key, ".hwaddr"):
		value = strings.ToLower(value)
	case GroupOf(key) == Memory:
		if n, ok := bytes(value); ok {
			value = strconv.FormatInt(n, 10)
		}
	case key == "lxc.cgroup2.cpu.max":
		if len(strings.Fields(value)) == 1 {
			value += " " + strconv.Itoa(period)
		}
	case key == "lxc.mount.entry":
		value = unordered(value, plainEntry)
	case key == "lxc.environment", key == "lxc.idmap":
		value = unordered(value, strings.TrimSpace)
	}
	return strings.TrimSpace(value)
}

func unordered(value string, plain func(string) string) string {
	lines := strings.Split(strings.TrimSpace(value), "\n")
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func plainEntry(line string) string {
	e, ok := parseEntry(line)
	if _, plain := e.mount(); !ok || !plain {
		return line
	}
	return strings.Join(append([]string{e.source, e.target, e.kind}, e.options...), " ")
}
