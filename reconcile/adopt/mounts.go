package adopt

import (
	"slices"
	"strings"

	"strake/spec"
)

// entry is a line of lxc.mount.entry, as fstab(5) has it.
type entry struct {
	source, target, kind string
	options              []string // sorted; without what is the default anyway
}

var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")

// parseEntry reads a line. A mount point that has to be made is left out: one
// that is there is not made.
func parseEntry(text string) (entry, bool) {
	f := strings.Fields(text)
	if len(f) < 4 || len(f) > 6 {
		return entry{}, false
	}
	e := entry{source: unescape.Replace(f[0]), target: unescape.Replace(f[1]), kind: f[2]}
	for o := range strings.SplitSeq(f[3], ",") {
		if o != "" && o != "rw" && o != "defaults" && o != "create=dir" && o != "create=file" {
			e.options = append(e.options, o)
		}
	}
	slices.Sort(e.options)
	return e, true
}

// mount is the setting that says the same: a bind of a folder or file that
// has to be there.
func (e entry) mount() (spec.Mount, bool) {
	m := spec.Mount{Target: "/" + e.target, Source: e.source, ReadOnly: slices.Contains(e.options, "ro")}
	plain := slices.Equal(e.options, []string{"bind"}) || slices.Equal(e.options, []string{"bind", "ro"})
	return m, plain && e.kind == "none" && usable(e.source) && usable(m.Target) && !strings.HasPrefix(e.target, "/")
}

func usable(path string) bool {
	return strings.HasPrefix(path, "/") && path != "/" && !strings.HasSuffix(path, "/") && !strings.Contains(path, "//") &&
		!strings.Contains(path+"/", "/../") && !strings.Contains(path+"/", "/./") && !strings.ContainsAny(path, "\"'\\\t\n#")
}

// mounts makes blocks of the binds that no other mount is above or below:
// blocks have an order of their own.
func (r *reader) mounts() error {
	list := r.all("lxc.mount.entry")
	if r.raw[Mounts] {
		return nil
	}
	var rest []string
	for i, text := range list {
		e, ok := parseEntry(text)
		m, plain := e.mount()
		if !ok || !plain || entangled(list, i, e.target) {
			rest = append(rest, text)
			continue
		}
		r.found.Container.Mounts = append(r.found.Container.Mounts, m)
	}
	r.take("lxc.mount.entry")
	if len(rest) > 0 {
		r.keys = append(r.keys, key{"lxc.mount.entry", rest})
	}
	return nil
}

func entangled(list []string, i int, target string) bool {
	for j, text := range list {
		e, _ := parseEntry(text)
		other := strings.Trim(e.target, "/") + "/"
		if j != i && (strings.HasPrefix(other, target+"/") || strings.HasPrefix(target+"/", other)) {
			return true
		}
	}
	return false
}
