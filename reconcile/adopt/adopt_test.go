package adopt

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/spec"
)

// conf is a configuration, a line each.
func conf(text string) []resource.Line {
	var list []resource.Line
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if key != "" {
			list = append(list, resource.Line{Key: strings.TrimSpace(key), Value: strings.TrimSpace(value)})
		}
	}
	return list
}

func read(t *testing.T, text string) Found {
	t.Helper()
	f, err := Read("c1", conf(text), nil, []string{"st-lan"})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSettings(t *testing.T) {
	f := read(t, `
		lxc.rootfs.path = overlay:/a:/b
		lxc.uts.name = web
		lxc.idmap = g 0 200000 70000
		lxc.idmap = u 0 200000 70000
		lxc.cgroup2.memory.max = 512M
		lxc.cgroup2.cpu.max = 150000 100000
		lxc.cgroup2.pids.max = 400
		lxc.environment = A=b=c
		lxc.environment = EMPTY=
		lxc.start.auto = 1
		lxc.start.delay = 5
		lxc.group = web
		lxc.mount.entry = /srv/a%b srv/b none bind,ro,create=dir 0 0
		lxc.net.0.type = veth
		lxc.net.0.link = br-LAN.1
		lxc.net.0.flags = up
		lxc.net.0.name = eth0
		lxc.net.0.veth.pair = vweb
		lxc.net.0.hwaddr = 4A:49:43:49:79:BF
		lxc.net.0.ipv4.address = 10.2.3.5/24
		lxc.net.0.ipv4.gateway = auto
		lxc.cap.drop = mknod
		lxc.cap.drop = sys_time`)
	on := true
	want := Found{
		Container: spec.Container{
			Name: "c1", Hostname: "web", Image: &spec.Image{Source: "adopted:overlay:/a:/b"}, IDMap: spec.IDMap{Size: 70000},
			Autostart: spec.Autostart{Enabled: &on, Delay: 5e9, Group: "web"}, Environment: map[string]string{"A": "b=c", "EMPTY": ""},
			Limits: spec.Limits{Memory: 512 << 20, CPUs: 1.5, Processes: 400},
			Mounts: []spec.Mount{{Target: "/srv/b", Source: "/srv/a%b", ReadOnly: true}},
			NICs:   []spec.NIC{{Name: "eth0", Network: "br-lan-1", MAC: "4a:49:43:49:79:bf", IPv4: "10.2.3.5/24"}},
			Raw:    map[string][]string{"lxc.net.0.ipv4.gateway": {"auto"}, "lxc.cap.drop": {"mknod", "sys_time"}},
		},
		Networks: []spec.Network{{Name: "br-lan-1", External: "br-LAN.1"}},
		Entry: ledger.Entry{Brought: []idmap.Range{{Base: 200000, Size: 70000}}, NICs: map[string]ledger.NICEntry{
			"eth0": {MAC: "4a:49:43:49:79:bf", FixedMAC: true, Device: "vweb"},
		}},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Error(diff)
	}
}

// TestRaw: what no setting says exactly stays in LXC's words, in order.
func TestRaw(t *testing.T) {
	for _, c := range []struct{ text, key, values string }{
		{"lxc.uts.name = my host", "lxc.uts.name", "my host"},
		{"lxc.idmap = u 0 100000 1000\nlxc.idmap = u 1000 1000 1\nlxc.idmap = g 0 100000 1001", "lxc.idmap", "u 0 100000 1000;u 1000 1000 1;g 0 100000 1001"},
		{"lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 200000 65536", "lxc.idmap", "u 0 100000 65536;g 0 200000 65536"},
		{"lxc.cgroup2.memory.max = 1G\nlxc.cgroup.memory.limit_in_bytes = 2G", "lxc.cgroup2.memory.max", "1G"},
		{"lxc.cgroup2.memory.max = max", "lxc.cgroup2.memory.max", "max"},
		{"lxc.cgroup2.memory.max = 99999999999999999999G", "lxc.cgroup2.memory.max", "99999999999999999999G"},
		{"lxc.cgroup2.cpu.max = 1000 200000", "lxc.cgroup2.cpu.max", "1000 200000"},
		{"lxc.environment = HOME\nlxc.environment = A=1", "lxc.environment", "HOME;A=1"},
		{"lxc.environment = A=1\nlxc.environment = A=2", "lxc.environment", "A=1;A=2"},
		{"lxc.start.order = 3", "lxc.start.order", "3"},
		{"lxc.start.auto = 1\nlxc.group = a\nlxc.group = b", "lxc.group", "a;b"},
		{"lxc.mount.entry = /a srv none bind 0 0\nlxc.mount.entry = /b srv/x none bind 0 0", "lxc.mount.entry", "/a srv none bind 0 0;/b srv/x none bind 0 0"},
		{"lxc.mount.entry = /a srv none bind,optional 0 0", "lxc.mount.entry", "/a srv none bind,optional 0 0"},
		{"lxc.mount.entry = /a /srv none bind 0 0", "lxc.mount.entry", "/a /srv none bind 0 0"},
		{"lxc.net.0.type = phys\nlxc.net.1.type = veth\nlxc.net.1.link = b\nlxc.net.1.flags = up", "lxc.net.1.link", "b"},
		{"lxc.net.0.type = veth\nlxc.net.0.link = b", "lxc.net.0.type", "veth"},
		{"lxc.net.0.type = veth\nlxc.net.0.link = b\nlxc.net.0.flags = up\nlxc.net.0.hwaddr = 00:16:3e:xx:xx:xx", "lxc.net.0.hwaddr", "00:16:3e:xx:xx:xx"},
		{"lxc.cap.drop = a\nlxc.cap.drop =\nlxc.cap.drop = b", "lxc.cap.drop", "b"},
		{"lxc.hook.start = a\nlxc.hook =\nlxc.hook.stop = b", "lxc.hook.start", ""},
	} {
		f := read(t, c.text)
		if have := strings.Join(f.Container.Raw[c.key], ";"); have != c.values {
			t.Errorf("%s\n%s is %q, want %q", c.text, c.key, have, c.values)
		}
	}
}

// TestReserved: ids, MACs and addresses are the container's also where it has
// them in LXC's own words.
func TestReserved(t *testing.T) {
	f := read(t, `
		lxc.idmap = u 0 100000 1000
		lxc.idmap = u 1000 1000 1
		lxc.net.0.type = macvlan
		lxc.net.0.link = eth7
		lxc.net.0.hwaddr = 4a:49:43:49:79:bd
		lxc.net.0.ipv4.address = 10.2.3.6/24 10.2.3.255`)
	want := ledger.Entry{Brought: []idmap.Range{{Base: 100000, Size: 1000}, {Base: 1000, Size: 1}}, NICs: map[string]ledger.NICEntry{
		"lxc.net.0": {MAC: "4a:49:43:49:79:bd", FixedMAC: true, Loose: true, IPv4: map[string]ledger.Address{
			"bridge eth7": {IP: netip.MustParseAddr("10.2.3.6"), Fixed: true},
		}},
	}}
	if diff := cmp.Diff(want, f.Entry, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
}

func TestUnfit(t *testing.T) {
	for _, text := range []string{
		"lxc.ephemeral = 1", "lxc.idmap = u 0 100000", "lxc.idmap = x", "lxc.idmap = u 0 4294967295 2",
		"lxc.cgroup.devices.allow = a\nlxc.cgroup.devices.deny = c 1:3 rwm",
	} {
		if _, err := Read("c1", conf(text), nil, nil); !errors.Is(err, ErrUnfit) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestDiffer(t *testing.T) {
	before := map[string]string{
		"lxc.cgroup2.memory.max": "512M", "lxc.mount.entry": "/b y none bind 0 0\n/a x none bind,rw", "lxc.cap.drop": "a\nb", "lxc.net.0.hwaddr": "AA:00:00:00:00:01",
		"lxc.tty.max": "4",
	}
	after := map[string]string{
		"lxc.cgroup2.memory.max": "536870912", "lxc.mount.entry": "/a x none bind,create=dir 0 0\n/b y none bind,create=dir 0 0", "lxc.cap.drop": "b\na",
		"lxc.net.0.hwaddr": "aa:00:00:00:00:01", "lxc.net.0.name": "eth0", "lxc.net.1.name": "eth0", "lxc.cgroup2.memory.swap.max": "0", "lxc.hook.start": "",
	}
	want := []string{"lxc.cap.drop", "lxc.cgroup2.memory.swap.max", "lxc.net.1.name", "lxc.tty.max"}
	if have := Differ(before, after); !slices.Equal(have, want) {
		t.Errorf("%v, want %v", have, want)
	}
}

func TestRestore(t *testing.T) {
	original := "# mine\nlxc.include = /common\nlxc.uts.name   =  old # x\nlxc.cgroup2.memory.max = 1G\n\n# end"
	before := "lxc.uts.name = old # x\nlxc.cgroup2.memory.max = 1073741824\nlxc.cap.drop = a\n"
	for _, c := range []struct{ now, want string }{
		{before, original},
		{strings.Replace(before, "old # x", "new", 1), strings.Replace(original, "lxc.uts.name   =  old # x", "lxc.uts.name = new", 1) + "\n"},
		{strings.Replace(before, "lxc.cgroup2.memory.max = 1073741824\n", "", 1), strings.Replace(original, "lxc.cgroup2.memory.max = 1G\n", "", 1) + "\n"},
		{before + "lxc.environment = A=1\n", original + "\nlxc.environment = A=1\n"},
		{strings.Replace(before, "lxc.cap.drop = a\n", "", 1), ""}, // it is in what is included
	} {
		have, ok := Restore(original, before, c.now)
		if have != c.want || ok != (c.want != "") {
			t.Errorf("now\n%s\nis %v\n%s\nwant\n%s", c.now, ok, have, c.want)
		}
	}
}

// FuzzRead: whatever the lines are, they end in words of which each raw value
// was one of them, or in an error.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"", "lxc.idmap = u 0 1 2\nlxc.idmap = g 0 1 2", "lxc.net.0.type = veth\nlxc.net.0.link = br0\nlxc.net.0.flags = up\nlxc.net.0.ipv4.address = 10.0.0.1/8",
		"lxc.net.99999999999.type = x\nlxc.net.-1.type = veth\nlxc.net. =\nlxc.net.1 = x", "lxc.mount.entry = a\\040 b c bind", "lxc.cgroup.cpu.cfs_quota_us = -1",
		"lxc.cgroup2.memory.max = 9223372036854775807T", "lxc.start.auto = 1\nlxc.start.delay = 9223372036854775807", "lxc.environment = =",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := conf(text)
		found, err := Read("c1", lines, nil, nil)
		if err != nil {
			return
		}
		for key, values := range found.Container.Raw {
			for _, v := range values {
				if !slices.Contains(lines, resource.Line{Key: key, Value: v}) {
					t.Fatalf("%s = %q is from nowhere", key, v)
				}
			}
		}
	})
}
