package kernel

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Layout says which cgroup hierarchies are mounted.
type Layout string

// The layouts.
const (
	V2     Layout = "v2"
	Hybrid Layout = "hybrid" // controllers on v1, and a v2 tree beside them
	V1     Layout = "v1"
	NoCgrp Layout = "none"
)

// Cgroup is how resources can be limited.
type Cgroup struct {
	Layout      Layout
	Controllers []string // that can be used, on whichever hierarchy; sorted
	Swap        bool     // swap counts: memory.swap.max on v2, memory.memsw.* on v1
}

// Mount is one line of /proc/mounts.
type Mount struct {
	Point, Type string
	Options     []string
}

func parseMounts(text string) []Mount {
	var list []Mount
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) >= 4 {
			list = append(list, Mount{unescape(f[1]), f[2], strings.Split(f[3], ",")})
		}
	}
	return list
}

// unescape undoes what the kernel's mangle() does to names: octal for blanks
// and backslashes.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// At is the mount that a path is on: the last one of the longest that
// contains it.
func (f Facts) At(name string) (Mount, bool) {
	var best Mount
	for _, m := range f.Mounts {
		if within(name, m.Point) && len(m.Point) >= len(best.Point) {
			best = m
		}
	}
	return best, best.Point != ""
}

func within(name, dir string) bool {
	rest, ok := strings.CutPrefix(path.Clean(name), strings.TrimSuffix(dir, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

func (r reader) cgroup(mounts []Mount) Cgroup {
	var c Cgroup
	v2, v1 := "", false
	for _, m := range mounts {
		switch m.Type {
		case "cgroup2":
			v2 = m.Point
		case "cgroup":
			v1 = true
			c.Controllers = append(c.Controllers, controllersV1(m)...)
			c.Swap = c.Swap || r.exists(path.Join(m.Point[1:], "memory.memsw.limit_in_bytes"))
		}
	}
	c.Layout = layout(v1, v2 != "")
	onV1 := c.Controllers
	if v2 != "" {
		c.Controllers = append(c.Controllers, strings.Fields(r.text(path.Join(v2[1:], "cgroup.controllers")))...)
		c.Swap = c.Swap || !slices.Contains(onV1, "memory") && r.swapV2(v2[1:])
	}
	slices.Sort(c.Controllers)
	c.Controllers = slices.Compact(c.Controllers)
	return c
}

func layout(v1, v2 bool) Layout {
	switch {
	case v1 && v2:
		return Hybrid
	case v2:
		return V2
	case v1:
		return V1
	}
	return NoCgrp
}

// controllersV1 finds the controllers among a hierarchy's mount options.
func controllersV1(m Mount) []string {
	known := []string{"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "net_cls", "net_prio", "perf_event", "hugetlb", "rdma", "misc"}
	return slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return !slices.Contains(known, o) })
}

// swapV2 looks into the groups below: the root of a v2 tree has no limits.
// Where there is none yet, swap counts unless the kernel was told otherwise.
func (r reader) swapV2(dir string) bool {
	limited, _ := fs.Glob(r.root, path.Join(dir, "*/memory.max"))
	if len(limited) == 0 {
		return !strings.Contains(r.text("proc/cmdline"), "swapaccount=0")
	}
	counted, _ := fs.Glob(r.root, path.Join(dir, "*/memory.swap.max"))
	return len(counted) > 0
}
