package lang_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
)

// load reads text that must be right.
func load(t *testing.T, text string) spec.Stack {
	t.Helper()
	stack, diags := lang.Load(source.Text{Name: "t", Files: []source.File{{Name: "t.hcl", Bytes: []byte(text)}}}, lang.Variables{})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return stack
}

func faults(text source.Text, vars lang.Variables) string {
	_, diags := lang.Load(text, vars)
	return diags.Error()
}

func ptr[T any](v T) *T { return &v }

// everything says each setting of a container once.
const everything = `
network "n" {
  ipv4 = "10.5.0.1/24"
  ipv6 = "fd42::1/64"
}

container "a" {
  running     = false
  hostname    = "host.example"
  image       = image.deb
  environment = { LANG = "C", PORT = 80, ON = true, URL = "http://${var.hidden}@x", KEY = secret.s }
  depends_on  = [container.b]
  raw         = { "lxc.sched.core" = 1 }

  autostart {
    order = 3
    delay = "5s"
    group = "web"
  }
  idmap {
    privileged = false
    size       = 100000
  }
  nic "eth0" {
    network = network.n
    type    = "bridged"
    mac     = "02-00-00-00-00-0A"
    ipv4    = "10.5.0.9"
    ipv6    = "fd42::9"
    mtu     = 1400
    filter {
      mac  = true
      ipv4 = false
      ipv6 = true
    }
  }
  limits {
    memory    = "1.5GiB"
    cpus      = 1.5
    processes = 400
  }
  mount "/srv/x" {
    source   = "/data"
    readonly = true
  }
  secret_file "/run/s/x" {
    from  = secret.s
    mode  = "0440"
    owner = 5
    group = 6
  }
  secret_file "/run/s/y" {
    from = var.hidden
  }
  proxy {
    http     = "http://p:1"
    https    = "http://p:2"
    no_proxy = ["localhost"]
  }
  lifecycle {
    protect        = true
    drift          = "heal"
    ignore_changes = ["limits.cpus", "environment.LANG", "nic.eth0.ipv4", "mount./srv/x.source", "raw.lxc.sched.core"]
  }
}

container "b" {
}

secret "s" {
  file = "/etc/s"
}

variable "hidden" {
  default   = "hunter2"
  sensitive = true
}

image "deb" {
  source  = "debootstrap:bookworm"
  include = ["dbus"]
}
`

func TestEverySetting(t *testing.T) {
	got := load(t, everything).Containers[0]
	want := spec.Container{
		Name: "a", Hostname: "host.example", Running: ptr(false),
		Image:       &spec.Image{Name: "deb", Source: "debootstrap:bookworm", Include: []string{"dbus"}},
		Autostart:   spec.Autostart{Enabled: ptr(true), Order: 3, Delay: 5 * time.Second, Group: "web"},
		IDMap:       spec.IDMap{Size: 100000},
		NICs:        []spec.NIC{{Name: "eth0", Network: "n", Type: "bridged", IPv4: "10.5.0.9", IPv6: "fd42::9", MAC: "02:00:00:00:00:0a", MTU: 1400, Filter: spec.Filter{MAC: ptr(true), IPv4: ptr(false), IPv6: ptr(true)}}},
		Environment: map[string]string{"LANG": "C", "PORT": "80", "ON": "true"},
		Proxy:       &spec.Proxy{HTTP: "http://p:1", HTTPS: "http://p:2", NoProxy: []string{"localhost"}},
		Limits:      spec.Limits{Memory: 3 << 29, CPUs: 1.5, Processes: 400},
		Mounts:      []spec.Mount{{Target: "/srv/x", Source: "/data", ReadOnly: true}},
		Hidden:      map[string]spec.Confidential{"URL": {Text: spec.Hide("http://hunter2@x")}, "KEY": {Secret: "s"}},
		SecretFiles: []spec.SecretFile{
			{Target: "/run/s/x", From: spec.Confidential{Secret: "s"}, Mode: "0440", Owner: 5, Group: 6},
			{Target: "/run/s/y", From: spec.Confidential{Text: spec.Hide("hunter2")}},
		},
		DependsOn: []string{"b"},
		Raw:       map[string][]string{"lxc.sched.core": {"1"}},
		Protect:   true, Drift: "heal",
		Ignore: []string{"limits.cpus", `environment["LANG"]`, `nic["eth0"].ipv4`, `mount["/srv/x"].source`, `raw["lxc.sched.core"]`},
	}
	at := got.At
	got.At, got.Pos, got.Image.Pos = nil, spec.Pos{}, spec.Pos{}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b spec.Sensitive) bool { return a.Reveal() == b.Reveal() })); diff != "" {
		t.Errorf("container (-want +got):\n%s", diff)
	}
	everyPlace(t, at)
}

// everyPlace checks that each place is a line with the key.
func everyPlace(t *testing.T, at map[string]spec.Pos) {
	lines := strings.Split(everything, "\n")
	for path, p := range at {
		word := path[strings.LastIndexByte(path, '.')+1:]
		if strings.HasSuffix(path, `"]`) || word == "source" || word == "include" {
			continue // elements have one line together; image.source stands as image
		}
		if !strings.Contains(lines[p.Line-1], word) {
			t.Errorf("%s is said to be on line %d: %s", path, p.Line, lines[p.Line-1])
		}
	}
}

func TestProfiles(t *testing.T) {
	c := load(t, `
network "n" {
  ipv4 = "10.5.0.1/24"
}
profile "low" {
  environment = { A = "low", B = "low", C = "low", D = "low" }
  depends_on  = [container.x]
  autostart   = true
  limits {
    memory = "1GiB"
    cpus   = 1
  }
  nic "eth0" {
    network = network.n
    mtu     = 1400
  }
}
profile "high" {
  profiles    = [profile.low]
  unset       = ["environment.D"]
  environment = { B = "high", C = "high" }
  limits {
    cpus = 2
  }
}
container "c" {
  profiles    = [profile.low, profile.high]
  environment = { C = "own" }
  depends_on  = []
  unset       = ["limits.memory"]
  autostart {
    order = 2
  }
  nic "eth0" {
    ipv4 = "10.5.0.5"
  }
}
container "x" {
}
`).Containers[0]
	if diff := cmp.Diff(map[string]string{"A": "low", "B": "high", "C": "own", "D": "low"}, c.Environment); diff != "" {
		t.Error("environment", diff)
	}
	if diff := cmp.Diff(spec.Limits{CPUs: 2}, c.Limits); diff != "" {
		t.Error("limits", diff)
	}
	if diff := cmp.Diff([]spec.NIC{{Name: "eth0", Network: "n", IPv4: "10.5.0.5", MTU: 1400}}, c.NICs); diff != "" {
		t.Error("nic", diff)
	}
	if len(c.DependsOn) != 0 || c.Autostart.Order != 2 || !*c.Autostart.Enabled {
		t.Error("lists replace, blocks switch on:", c.DependsOn, c.Autostart)
	}
	lines := map[string]int{`environment["A"]`: 6, `environment["B"]`: 21, `environment["C"]`: 28, "limits.cpus": 23, `nic["eth0"].mtu`: 15, `nic["eth0"].ipv4`: 35, "autostart": 31}
	for path, line := range lines {
		if c.At[path].Line != line {
			t.Errorf("%s comes from line %d, not %d", path, c.At[path].Line, line)
		}
	}
	if _, ok := c.At["limits.memory"]; ok {
		t.Error("what was unset has a place")
	}
}

// TestLockedTwice: a profile that two others build on sets nothing anew.
func TestLockedTwice(t *testing.T) {
	c := load(t, `
profile "base" {
  locked      = ["environment.A"]
  environment = { A = "1" }
}
profile "left" { profiles = [profile.base] }
profile "right" {
  profiles    = [profile.base]
  environment = { B = "2" }
}
container "c" { profiles = [profile.left, profile.right, profile.base] }
`).Containers[0]
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "2"}, c.Environment); diff != "" {
		t.Error(diff)
	}
}

func TestForEach(t *testing.T) {
	s := load(t, `
locals {
  sites = { b = { port = 2 }, a = { port = 1 } }
}
profile "b" {
  limits {
    cpus = 2
  }
}
profile "a" {
  limits {
    cpus = 1
  }
}
container "site" {
  for_each    = local.sites
  name        = "s-${each.key}"
  profiles    = each.key == "a" ? [profile.a] : [profile.b]
  environment = { PORT = each.value.port, SAME = "x" }
}
container "set" {
  for_each = toset(["x", "y"])
}
container "none" {
  for_each = {}
}
container "all" {
  depends_on = [container.site, container.set["y"], container.none]
}
`)
	var names []string
	for _, c := range s.Containers {
		names = append(names, c.Name)
	}
	if diff := cmp.Diff([]string{"all", "s-a", "s-b", "set-x", "set-y"}, names); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]string{"s-a", "s-b", "set-y"}, s.Containers[0].DependsOn); diff != "" {
		t.Error(diff)
	}
	a, b := s.Containers[1], s.Containers[2]
	if a.Limits.CPUs != 1 || b.Limits.CPUs != 2 || a.Environment["PORT"] != "1" || b.Environment["PORT"] != "2" || b.Environment["SAME"] != "x" {
		t.Errorf("instances: %+v %+v", a, b)
	}
}

func TestJSON(t *testing.T) {
	text := source.Text{Name: "t", Files: []source.File{{Name: "t.hcl.json", Bytes: []byte(`{
  "variable": {"m": {"type": "string", "default": "64MiB"}},
  "stack": {"named": {"prune": "retire"}},
  "network": {"n": {"ipv4": "10.5.0.1/24"}},
  "container": {
    "a": {"autostart": true, "limits": {"memory": "${var.m}"}, "nic": {"eth0": {"network": "${network.n}"}}},
    "b": {"autostart": {"order": 4}, "environment": {"X": "1"}, "depends_on": ["${container.a}"]}
  },
  "moved": [{"from": "container.c", "to": "container.a"}, {"from": "${container.site[\"d\"]}", "to": "${container.b}"}]
}`)}}}
	s, diags := lang.Load(text, lang.Variables{})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	a, b := s.Containers[0], s.Containers[1]
	if s.Name != "named" || s.Prune != "retire" || !*a.Autostart.Enabled || a.Limits.Memory != 64<<20 || a.NICs[0].Network != "n" ||
		b.Autostart.Order != 4 || b.DependsOn[0] != "a" || a.At["limits.memory"].Line != 6 {
		t.Errorf("%+v", s)
	}
	var moved []string
	for _, m := range s.Moved {
		moved = append(moved, m.From+" > "+m.To)
	}
	if diff := cmp.Diff([]string{"c > a", "site-d > b"}, moved); diff != "" {
		t.Error(diff) // a reference is one with and without the braces of a template
	}
}

func TestLineEndsAndMark(t *testing.T) {
	file := filepath.Join(t.TempDir(), "my Stack.hcl")
	if err := os.WriteFile(file, []byte("\ufeffcontainer \"a\" {\r\n  hostname = \"b\"\r\n}\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := source.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	s, diags := lang.Load(text, lang.Variables{})
	if len(diags) > 0 || s.Name != "my-stack" || s.Containers[0].Hostname != "b" || s.Containers[0].At["hostname"].String() != "my Stack.hcl:2" {
		t.Errorf("%+v %v", s, diags)
	}
}

// TestFates: names that the text has no more are read from how they were written.
func TestFates(t *testing.T) {
	stack := load(t, `
container "app" { name = "the-app" }
container "site" { for_each = toset(["b"]) }
moved {
  from = container.site["a"]
  to   = container.site["b"]
}
moved {
  from = container["old-app"]
  to   = container.app
}
removed { from = container.tmp }
import {
  from = "Old.1"
  to   = container.app
}
check "always" {
  assert {
    condition     = length({ a = 1 }) == 1
    error_message = "one is one"
  }
}`)
	var got []string
	for _, m := range stack.Moved {
		got = append(got, m.From+" > "+m.To)
	}
	for _, r := range stack.Removed {
		got = append(got, r.Action+" "+r.From)
	}
	for _, i := range stack.Imports {
		got = append(got, i.From+" = "+i.To)
	}
	want := []string{"site-a > site-b", "old-app > the-app", "retire tmp", "Old.1 = the-app"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
