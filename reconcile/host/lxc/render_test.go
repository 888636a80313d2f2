package lxc

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/resource"
)

var update = flag.Bool("update", false, "write the golden files anew")

func full() resource.Container {
	return resource.Container{
		Name: "blog", Hostname: "blog.example",
		Image:     resource.Image{Halt: "SIGRTMIN+3"},
		Autostart: resource.Autostart{Enabled: true, Order: 10, Delay: 5, Group: "web"},
		IDMap:     resource.IDMap{Base: 1000000, Size: 65536},
		NICs: []resource.NIC{
			{Name: "eth0", Bridge: "st-lan", Device: "st1234-0", MAC: "02:00:00:aa:bb:cc", MTU: 1400,
				IPv4: "10.99.1.2/16", IPv6: "fd42::2/64", Gateway4: "10.99.0.1", Gateway6: "fe80::1"},
			{Name: "eth1", Bridge: "st-p2p", Device: "st1234-1", MAC: "02:00:00:aa:bb:cd", IPv4: "10.98.0.1/31"},
		},
		Environment: map[string]string{"LANG": "C.UTF-8", "GAP": " kept ", "Q": `"quoted"`},
		Limits:      resource.Limits{Memory: 512 << 20, CPU: 1500, Processes: 400},
		Mounts: []resource.Mount{
			{Target: "/etc/motd", Source: "/srv/motd", ReadOnly: true},
			{Target: "/var/lib/a b", Source: `/srv/a b\c`},
		},
		Raw: map[string]string{"lxc.sched.core": "1", "lxc.prlimit.nofile": "1024", "lxc.sysctl.net.core.somaxconn": "256"},
	}
}

// interfaces has one of each type.
func interfaces() resource.Container {
	return resource.Container{Name: "n", Hostname: "n", IDMap: resource.IDMap{Base: 1000000, Size: 65536}, NICs: []resource.NIC{
		{Name: "eth0", Type: "bridged", Bridge: "br0", Device: "st1-0", MAC: "02:00:00:00:00:01", IPv4: "dhcp", VLAN: 30, Prefixes: []string{"10.8.0.0/24"}},
		{Name: "eth1", Type: "routed", Parent: "eth9", Device: "st1-1", MAC: "02:00:00:00:00:02", IPv4: "192.0.2.7/32", IPv6: "2001:db8::7/128", Addresses: []string{"192.0.2.8/32"}, Prefixes: []string{"2001:db8:1::/64"}},
		{Name: "eth2", Type: "macvlan", Parent: "eth9", MAC: "02:00:00:00:00:03", IPv4: "10.1.2.3/24", Gateway4: "10.1.2.1"},
		{Name: "eth3", Type: "macvlan", Parent: "eth9", MAC: "02:00:00:00:00:04"},
		{Name: "eth4", Type: "physical", Parent: "eth8"},
	}}
}

func TestRender(t *testing.T) {
	place := Environment{
		Arch: "x86_64", Seccomp: "/usr/share/lxc/config/common.seccomp", RootFS: "/var/lib/strake/containers/blog/rootfs", Late: "/var/lib/strake/containers/blog/current/late",
		Hook: []string{"/usr/local/bin/strake", "hook", "blog"}, ConsoleLog: "/var/lib/strake/containers/blog/console.log",
		LogFile: "/var/lib/strake/containers/blog/lxc.log", Files: map[string]bool{"/srv/motd": true},
		Staged: map[string]string{"/etc/motd": "/var/lib/strake/containers/blog/mounts/1", "/var/lib/a b": "/not/for/writable/ones"},
	}
	hybrid, unified := place, place
	hybrid.Swap = true
	unified.CgroupV2, unified.Swap, unified.AppArmor = true, true, true
	bare := Environment{RootFS: "/r", Hook: []string{"/opt/my tools/strake", "it's"}, Late: "/my state/late"}
	privileged := resource.Container{Name: "p", Hostname: "p", IDMap: resource.IDMap{Privileged: true}, Limits: resource.Limits{Memory: 1 << 20}}
	for name, c := range map[string]struct {
		container   resource.Container
		environment Environment
	}{
		"hybrid": {full(), hybrid}, "unified": {full(), unified}, "privileged": {privileged, bare},
		"interfaces": {interfaces(), bare},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Render(c.container, c.environment)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".conf", got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestRenderIsStable(t *testing.T) {
	first, _ := Render(full(), Environment{})
	for range 20 {
		if again, _ := Render(full(), Environment{}); again != first {
			t.Fatal("two renderings of one container differ")
		}
	}
}

// No value may become a setting of its own.
func TestRenderRefusesLineBreaks(t *testing.T) {
	evil := "x\nlxc.hook.pre-start = /bin/evil"
	for what, edit := range map[string]func(*resource.Container){
		"host name":   func(c *resource.Container) { c.Hostname = evil },
		"environment": func(c *resource.Container) { c.Environment["A"] = evil },
		"key":         func(c *resource.Container) { c.Raw["lxc.a\nb"] = "1" },
		"return":      func(c *resource.Container) { c.Environment["A"] = "x\ry" },
		"nul":         func(c *resource.Container) { c.Environment["A"] = "x\x00y" },
		"halt":        func(c *resource.Container) { c.Image.Halt = evil },
		"bridge":      func(c *resource.Container) { c.NICs[0].Bridge = evil },
		"group":       func(c *resource.Container) { c.Autostart.Group = evil },
	} {
		c := full()
		edit(&c)
		if text, err := Render(c, Environment{}); !errors.Is(err, ErrLineBreak) || text != "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	c := full()
	c.Raw = map[string]string{"lxc.a = b": "1"}
	if _, err := Render(c, Environment{}); err == nil {
		t.Error("a key with = is taken")
	}
	c = full()
	c.NICs[0].IPv4 = "10.0.0.1"
	if _, err := Render(c, Environment{}); err == nil {
		t.Error("an address without prefix length is taken")
	}
}

func TestRenderRepeatsRawLines(t *testing.T) {
	c := resource.Container{Raw: map[string]string{"lxc.prlimit.core": "0", "lxc.hook.stop": "/bin/a\n/bin/b\n"}}
	got, err := Render(c, Environment{})
	if err != nil || !strings.HasSuffix(got, "lxc.hook.stop = /bin/a\nlxc.hook.stop = /bin/b\nlxc.prlimit.core = 0\n") {
		t.Errorf("%v\n%s", err, got)
	}
}
