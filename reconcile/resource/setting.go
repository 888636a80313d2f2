package resource

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Setting is one value of a container by its path, as plans compare and print it.
type Setting struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// settings gathers, leaving out what is empty: absent and empty are one.
type settings []Setting

func (s *settings) add(path, value string) {
	if value != "" {
		*s = append(*s, Setting{path, value})
	}
}

func (s *settings) flag(path string, on bool) {
	if on {
		s.add(path, "true")
	}
}

func (s *settings) number(path string, n int64) {
	if n != 0 {
		s.add(path, strconv.FormatInt(n, 10))
	}
}

// Settings lists every setting of c that is not empty, in a fixed order.
func (c Container) Settings() []Setting {
	s := make(settings, 0, 32) // as many as most have
	s.add("running", strconv.FormatBool(c.Running))
	s.add("hostname", c.Hostname)
	s.add("image.source", c.Image.Source)
	s.add("image.include", strings.Join(c.Image.Include, " "))
	s.add("image.digest", c.Image.Digest)
	s.add("layers", strings.Join(c.Layers, " "))
	s.add("writable", numbers(c.Writable))
	s.flag("autostart", c.Autostart.Enabled)
	s.number("autostart.order", int64(c.Autostart.Order))
	if c.Autostart.Delay != 0 {
		s.add("autostart.delay", fmt.Sprintf("%ds", c.Autostart.Delay))
	}
	s.add("autostart.group", c.Autostart.Group)
	s.flag("idmap.privileged", c.IDMap.Privileged)
	s.number("idmap.base", int64(c.IDMap.Base))
	s.number("idmap.size", int64(c.IDMap.Size))
	s.add("limits.memory", Bytes(c.Limits.Memory))
	s.add("limits.cpus", Cores(c.Limits.CPU))
	s.number("limits.processes", c.Limits.Processes)
	for _, n := range c.NICs {
		n.settings(&s)
	}
	s.add("resolver.servers", strings.Join(c.Resolver.Servers, " "))
	s.add("resolver.search", strings.Join(c.Resolver.Search, " "))
	for _, k := range slices.Sorted(maps.Keys(c.Hidden)) {
		s.add(Labelled("environment", k), c.Hidden[k].setting())
	}
	for _, f := range c.SecretFiles {
		f.settings(&s)
	}
	for _, k := range slices.Sorted(maps.Keys(c.Environment)) {
		s = append(s, Setting{Labelled("environment", k), strconv.Quote(c.Environment[k])})
	}
	for _, m := range c.Mounts {
		at := Labelled("mount", m.Target)
		s.add(at+".volume", m.Volume)
		s.add(at+".size", Bytes(m.Size))
		s.add(at+".source", m.Source)
		s.flag(at+".readonly", m.ReadOnly)
	}
	c.contents(&s)
	for _, e := range c.Egress {
		e.settings(&s)
	}
	s.add("egress.at", strings.Join(c.EgressAt, " "))
	for _, p := range c.Publish {
		s.number(Labelled("publish", strconv.Itoa(p.Port))+".to", int64(p.To))
	}
	c.Health.settings(&s)
	c.Update.settings(&s)
	s.add("depends_on", strings.Join(c.DependsOn, " "))
	for _, k := range slices.Sorted(maps.Keys(c.Raw)) {
		s.add(Labelled("raw", k), c.Raw[k])
	}
	s.flag("lifecycle.protect", c.Protect)
	s.add("lifecycle.drift", c.Drift)
	s.add("lifecycle.ignore_changes", strings.Join(c.Ignore, " "))
	return s
}

func (n NIC) settings(s *settings) {
	at := Labelled("nic", n.Name)
	s.add(at+".network", n.Network)
	s.add(at+".type", n.Type)
	s.add(at+".bridge", n.Bridge)
	s.add(at+".device", n.Device)
	s.add(at+".mac", n.MAC)
	s.add(at+".ipv4", n.IPv4)
	s.add(at+".ipv6", n.IPv6)
	s.add(at+".gateway4", n.Gateway4)
	s.add(at+".gateway6", n.Gateway6)
	s.number(at+".mtu", int64(n.MTU))
	s.flag(at+".filter.mac", n.Filter.MAC)
	s.flag(at+".filter.ipv4", n.Filter.IPv4)
	s.flag(at+".filter.ipv6", n.Filter.IPv6)
	s.add(at+".parent", n.Parent)
	s.number(at+".vlan", int64(n.VLAN))
	s.add(at+".oddities", n.Oddities)
	s.add(at+".addresses", strings.Join(n.Addresses, " "))
	s.add(at+".prefixes", strings.Join(n.Prefixes, " "))
	for _, r := range n.Routes {
		s.add(Labelled(at+".route", r.To)+".via", r.Via)
	}
	s.add(at+".limits.ingress", Rate(n.Limits.Ingress))
	s.add(at+".limits.egress", Rate(n.Limits.Egress))
	for _, p := range n.Publish {
		port := Labelled(at+".publish", strconv.Itoa(p.Port))
		s.number(port+".to", int64(p.To))
		s.add(port+".protocol", p.Protocol)
	}
}

// Labelled is the path of one of several things told apart by a label.
func Labelled(kind, label string) string { return kind + `["` + label + `"]` }

// Cut takes a labelled path apart: `nic["eth0"].ipv4` is "nic", "eth0", "ipv4".
// The label ends where the path does, or goes on.
func Cut(path string) (kind, label, rest string, ok bool) {
	kind, rest, ok = strings.Cut(path, `["`)
	if !ok {
		return path, "", "", false
	}
	if label, rest, ok := strings.Cut(rest, `"].`); ok {
		return kind, label, rest, true
	}
	if label, ok = strings.CutSuffix(rest, `"]`); !ok {
		return path, "", "", false
	}
	return kind, label, "", true
}

// Bytes prints a size with the largest binary unit that divides it.
func Bytes(n int64) string {
	if n == 0 {
		return ""
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for i < len(units)-1 && n%1024 == 0 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// Rate prints bits per second with the largest unit of tc(8) that divides them.
func Rate(n int64) string {
	if n == 0 {
		return ""
	}
	units := []string{"bit", "kbit", "Mbit", "Gbit"}
	i := 0
	for i < len(units)-1 && n%1000 == 0 {
		n /= 1000
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// Span prints a duration without the zeros that Go's own form ends with.
func Span(d time.Duration) string {
	if d == 0 {
		return ""
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Cores prints thousandths of a core as cores.
func Cores(milli int64) string {
	if milli == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64)
}

func numbers(list []int) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, " ")
}

// Settings lists what a managed network is, in a fixed order.
func (n Network) Settings() []Setting {
	var s settings
	s.add("bridge", n.Bridge)
	s.add("mac", n.MAC)
	s.add("ipv4", n.IPv4)
	s.add("ipv6", n.IPv6)
	s.number("mtu", int64(n.MTU))
	s.flag("nat", n.NAT)
	s.add("host.settings", n.needs())
	s.flag("isolate", n.Isolate)
	s.flag("host_access", n.HostAccess)
	s.add("nat.interface", n.NATThrough)
	s.flag("dhcp", n.DHCP)
	s.flag("dns", n.DNS)
	s.add("dns.upstream", strings.Join(n.Upstream, " "))
	s.flag("ra", n.RA)
	s.add("oddities", n.Oddities)
	return s
}
