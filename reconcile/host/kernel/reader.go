package kernel

import (
	"bufio"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// reader takes what can't be read for absent: most of what it looks for is
// there on some kernels only.
type reader struct{ root fs.FS }

func (r reader) text(name string) string {
	data, err := fs.ReadFile(r.root, name)
	if err != nil {
		return ""
	}
	return string(data)
}

func (r reader) line(name string) string { return strings.TrimSpace(r.text(name)) }

func (r reader) number(name string) int64 {
	n, err := strconv.ParseInt(r.line(name), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (r reader) exists(name string) bool {
	_, err := fs.Stat(r.root, name)
	return err == nil
}

// first is the first of the files that is there, as an absolute path.
func (r reader) first(names ...string) string {
	for _, name := range names {
		if r.exists(name) {
			return "/" + name
		}
	}
	return ""
}

func (r reader) namespaces() []string {
	entries, err := fs.ReadDir(r.root, "proc/self/ns")
	if err != nil {
		return nil
	}
	var list []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "_for_children") {
			list = append(list, e.Name())
		}
	}
	return list
}

// tools looks where programs of the system are, whatever PATH says: hooks and
// services run with another one.
func (r reader) tools(names ...string) map[string]string {
	found := map[string]string{}
	for _, name := range names {
		var places []string
		for _, dir := range []string{"usr/sbin", "usr/bin", "sbin", "bin", "usr/local/sbin", "usr/local/bin"} {
			places = append(places, path.Join(dir, name))
		}
		if at := r.first(places...); at != "" {
			found[name] = at
		}
	}
	return found
}

// modules tells for each driver. /sys/module has loaded ones, and of those
// built in only the ones with parameters, so modules.builtin is asked too; a
// file system shows in /proc/filesystems.
func (r reader) modules(release string, names ...string) map[string]Module {
	dir := path.Join("lib/modules", release)
	built := r.inIndex(path.Join(dir, "modules.builtin"))
	loadable := r.inIndex(path.Join(dir, "modules.dep"))
	filesystems := strings.Fields(r.text("proc/filesystems"))
	symbols := r.text("proc/kallsyms")
	out := map[string]Module{}
	for _, name := range names {
		switch {
		case r.exists("sys/module/" + name), built[name], slices.Contains(filesystems, name), inKernel(symbols, name):
			out[name] = Present
		case loadable[name]:
			out[name] = Loadable
		default:
			out[name] = Absent
		}
	}
	return out
}

// inKernel finds a driver by one of its functions: a kernel without modules
// has no index of them, and only its symbols tell what was built in.
func inKernel(symbols, name string) bool {
	symbol := map[string]string{"nf_tables": "nf_tables_newrule", "veth": "veth_xmit", "bridge": "br_handle_frame", "loop": "loop_configure"}[name]
	return symbol != "" && strings.Contains(symbols, " "+symbol)
}

// inIndex reads "kernel/net/bridge/bridge.ko.xz: ..." lines into module names.
func (r reader) inIndex(name string) map[string]bool {
	set := map[string]bool{}
	f, err := r.root.Open(name)
	if err != nil {
		return set
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		file, _, _ := strings.Cut(s.Text(), ":")
		module, _, _ := strings.Cut(path.Base(file), ".ko")
		set[strings.ReplaceAll(module, "-", "_")] = true
	}
	return set
}
