package format

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"strake/spec"
)

// Write is the text of a stack of containers that were found on a host: the
// networks that they use, the containers, and what takes them over. Of a
// setting that has a default only another value is written.
func Write(s spec.Stack) []byte {
	var w writer
	for _, n := range s.Networks {
		w.open("network", n.Name)
		w.text("external", n.External)
		w.close()
	}
	for _, i := range s.Imports {
		w.open("import")
		w.text("from", i.From)
		w.set("to", reference("container", i.To))
		w.close()
	}
	for _, c := range s.Containers {
		w.container(c)
	}
	return settle([]byte(strings.TrimLeft(w.String(), "\n")))
}

type writer struct{ strings.Builder }

func (w *writer) open(kind string, labels ...string) {
	for _, l := range labels {
		kind += " " + literal(l)
	}
	w.WriteString("\n" + kind + " {\n")
}

func (w *writer) close() { w.WriteString("}\n") }

func (w *writer) set(key, expression string) { fmt.Fprintf(w, "%s = %s\n", key, expression) }

func (w *writer) text(key, value string) {
	if value != "" {
		w.set(key, literal(value))
	}
}

func (w *writer) number(key string, n int64) {
	if n != 0 {
		w.set(key, strconv.FormatInt(n, 10))
	}
}

func (w *writer) flag(key string, on *bool) {
	if on != nil {
		w.set(key, strconv.FormatBool(*on))
	}
}

// literal is a string that means itself, whatever is in it.
func literal(value string) string {
	return string(hclwrite.TokensForValue(cty.StringVal(value)).Bytes())
}

// reference names a block; a name that is no identifier needs an index.
func reference(kind, name string) string {
	if hclsyntax.ValidIdentifier(name) {
		return kind + "." + name
	}
	return kind + "[" + literal(name) + "]"
}

func literals(values []string) string {
	if len(values) == 1 {
		return "[" + literal(values[0]) + "]"
	}
	var b strings.Builder
	b.WriteString("[\n")
	for _, v := range values {
		b.WriteString(literal(v) + ",\n")
	}
	return b.String() + "]"
}

func (w *writer) container(c spec.Container) {
	w.open("container", c.Name)
	if c.Image != nil {
		w.text("image", c.Image.Source)
	}
	w.flag("running", c.Running)
	w.text("hostname", c.Hostname)
	w.words("environment", c.Environment)
	w.raw(c.Raw)
	w.autostart(c.Autostart)
	w.ids(c.IDMap)
	for _, n := range c.NICs {
		w.nic(n)
	}
	w.limits(c.Limits)
	for _, m := range c.Mounts {
		w.open("mount", m.Target)
		w.text("source", m.Source)
		if m.ReadOnly {
			w.flag("readonly", &m.ReadOnly)
		}
		w.close()
	}
	if len(c.Ignore) > 0 {
		w.open("lifecycle")
		w.set("ignore_changes", literals(c.Ignore))
		w.close()
	}
	w.close()
}

// words is a map of strings.
func (w *writer) words(key string, values map[string]string) {
	if len(values) == 0 {
		return
	}
	w.WriteString("\n" + key + " = {\n")
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key := name
		if !hclsyntax.ValidIdentifier(name) {
			key = literal(name)
		}
		w.set(key, literal(values[name]))
	}
	w.close()
}

func (w *writer) raw(keys map[string][]string) {
	if len(keys) == 0 {
		return
	}
	w.WriteString("\nraw = {\n")
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if len(keys[key]) == 1 {
			w.set(literal(key), literal(keys[key][0]))
			continue
		}
		w.set(literal(key), literals(keys[key]))
	}
	w.close()
}

func (w *writer) autostart(a spec.Autostart) {
	switch {
	case a.Enabled == nil:
		return
	case a.Order == 0 && a.Delay == 0 && a.Group == "":
		w.flag("autostart", a.Enabled)
		return
	}
	w.open("autostart")
	w.number("order", int64(a.Order))
	if a.Delay != 0 {
		w.text("delay", fmt.Sprintf("%ds", a.Delay/time.Second))
	}
	w.text("group", a.Group)
	w.close()
}

func (w *writer) ids(m spec.IDMap) {
	if m == (spec.IDMap{}) {
		return
	}
	w.open("idmap")
	if m.Privileged {
		w.flag("privileged", &m.Privileged)
	}
	w.number("size", int64(m.Size))
	w.close()
}

func (w *writer) nic(n spec.NIC) {
	w.open("nic", n.Name)
	w.set("network", reference("network", n.Network))
	w.text("mac", n.MAC)
	w.text("ipv4", n.IPv4)
	w.text("ipv6", n.IPv6)
	w.number("mtu", int64(n.MTU))
	if n.Filter != (spec.Filter{}) {
		w.open("filter")
		w.flag("mac", n.Filter.MAC)
		w.flag("ipv4", n.Filter.IPv4)
		w.flag("ipv6", n.Filter.IPv6)
		w.close()
	}
	w.close()
}

func (w *writer) limits(l spec.Limits) {
	if l == (spec.Limits{}) {
		return
	}
	w.open("limits")
	if l.Memory != 0 {
		w.set("memory", size(l.Memory))
	}
	if l.CPUs != 0 {
		w.set("cpus", strconv.FormatFloat(l.CPUs, 'f', -1, 64))
	}
	w.number("processes", l.Processes)
	w.close()
}

// size is written with the largest unit that divides it.
func size(n int64) string {
	for _, u := range []struct {
		shift int
		name  string
	}{{30, "GiB"}, {20, "MiB"}, {10, "KiB"}} {
		if n&(1<<u.shift-1) == 0 {
			return literal(strconv.FormatInt(n>>u.shift, 10) + u.name)
		}
	}
	return strconv.FormatInt(n, 10)
}
