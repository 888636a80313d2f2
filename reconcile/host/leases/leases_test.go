package leases

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"strake/reconcile/resource"
)

// seen is the one bridge that is served.
func seen(t *testing.T, l *Leases) resource.Served {
	t.Helper()
	list, err := l.Observe(t.Context())
	check(t, err)
	if len(list) != 1 {
		t.Fatalf("seen %+v", list)
	}
	return list[0]
}

// pids are those that run for the bridge.
func (l *Leases) pids() (list []int) {
	for _, d := range l.at(bridge).daemons() {
		list = append(list, d.pid)
		d.close()
	}
	return list
}

func TestNamesAreResolved(t *testing.T) {
	newBridge(t)
	l := opened(t)
	check(t, l.Set(t.Context(), guard()))
	want := []string{"10.233.0.2", "10.233.0.22", "fd42:33::2"}
	for _, server := range []string{"10.233.0.1", "fd42:33::1", "fe80::1%" + bridge} {
		for _, name := range []string{"web", "web.lan", "WEB.lan"} {
			got, err := resolve(server, name)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s at %s: %v, %v", name, server, got, err)
			}
		}
		for _, name := range []string{"other", "other.lan", "example.org", "localhost.localdomain"} {
			if got, err := resolve(server, name); err == nil {
				t.Errorf("%s at %s: %v", name, server, got)
			}
		}
	}
	if got := run(t, "busybox", "nslookup", "10.233.0.3", "10.233.0.1"); !strings.Contains(got, "db.lan") {
		t.Errorf("10.233.0.3 is %s", got)
	}
}

// Other names go to whom the network says, and only those.
func TestOtherNamesGoUpstream(t *testing.T) {
	newBridge(t)
	run(t, "ip", "link", "add", "sttl1", "type", "bridge")
	t.Cleanup(func() { run(t, "ip", "link", "del", "sttl1") })
	run(t, "ip", "addr", "add", "192.0.2.53/32", "dev", "sttl1")
	run(t, "ip", "link", "set", "sttl1", "up")
	server := exec.Command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file", "--no-resolv", "--no-hosts",
		"--listen-address=192.0.2.53", "--bind-interfaces", "--address=/example.org/192.0.2.80", "--address=/web/192.0.2.66", "--log-facility=-")
	check(t, server.Start())
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	if !soon(func() bool { _, err := resolve("192.0.2.53", "example.org"); return err == nil }) {
		t.Fatal("the name server outside does not answer")
	}
	l, g := opened(t), guard()
	g.Networks[0].Upstream = []string{"192.0.2.53"}
	check(t, l.Set(t.Context(), g))
	if got, err := resolve("10.233.0.1", "example.org"); err != nil || !slices.Equal(got, []string{"192.0.2.80"}) {
		t.Errorf("example.org: %v, %v", got, err)
	}
	if got, err := resolve("10.233.0.1", "web"); err != nil || slices.Contains(got, "192.0.2.66") {
		t.Errorf("web: %v, %v", got, err)
	}
	if got := seen(t, l).Network.Upstream; !slices.Equal(got, []string{"192.0.2.53"}) {
		t.Errorf("seen upstream %v", got)
	}
}

// lease is what a DHCP client is given, as its script sees it.
func lease(t *testing.T, pid int) (map[string]string, error) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "script")
	check(t, os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = bound ] && env\nexit 0\n"), 0o755))
	out, err := exec.Command("nsenter", "-t", strconv.Itoa(pid), "-n", "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "3", "-T", "1",
		"-x", "hostname:db", "-O", "mtu", "-s", script).CombinedOutput()
	got := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		got[name] = value
	}
	return got, err
}

func TestDHCPGivesWhatTheInterfaceHas(t *testing.T) {
	newBridge(t)
	l, g := opened(t), guard()
	g.Networks[0].MTU = 1400
	check(t, l.Set(t.Context(), g))
	for _, c := range []struct{ device, mac, ip, router string }{
		{"sttl2", "02:00:00:00:33:02", "10.233.0.2", ""}, {"sttl3", "02:00:00:00:33:03", "10.233.0.3", "10.233.0.9"},
	} {
		got, err := lease(t, plug(t, c.device, c.mac))
		if err != nil || got["ip"] != c.ip || got["subnet"] != "255.255.255.0" || got["router"] != c.router {
			t.Errorf("%s: %v, %v", c.mac, got, err)
		}
		if got["dns"] != "10.233.0.1" || got["domain"] != "lan" || got["mtu"] != "1400" || got["lease"] != "600" {
			t.Errorf("%s: %v", c.mac, got)
		}
	}
	if got, err := lease(t, plug(t, "sttl4", "02:00:00:00:33:04")); err == nil {
		t.Errorf("a stranger is given %v", got)
	}
	if got, err := resolve("10.233.0.1", "db"); err != nil || slices.Contains(got, "10.233.0.2") {
		t.Errorf("db, whose name web claimed: %v, %v", got, err)
	}
	s := seen(t, l)
	if len(s.Leases) != 2 || s.Leases[0].IP == "" || s.Leases[0].Expires == 0 {
		t.Errorf("leases %+v", s.Leases)
	}
}

// A router advertisement says where the prefix is and which way out, where there is
// one. No address comes of it: that is given otherwise, and the only one that the
// filter lets through.
func TestRouterAdvertisements(t *testing.T) {
	newBridge(t)
	l, g := opened(t), guard()
	g.Networks[0].DHCP, g.Networks[0].RA = false, true
	for i, nat := range []bool{false, true} {
		g.Networks[0].NAT = nat
		check(t, l.Set(t.Context(), g))
		pid := strconv.Itoa(plug(t, fmt.Sprint("sttl", i+2), fmt.Sprintf("02:00:00:00:33:%02x", i+2)))
		has := func(what ...string) string {
			return run(t, append([]string{"nsenter", "-t", pid, "-n", "ip", "-6"}, what...)...)
		}
		if !soon(func() bool { return has("route", "show", "fd42:33::/64") != "" }) {
			t.Error("no router advertisement came")
		}
		if got := has("address", "show", "dev", "eth0", "scope", "global"); got != "" {
			t.Errorf("an address that the filter does not know: %s", got)
		}
		if got := run(t, "nsenter", "-t", pid, "-n", "ip", "-6", "route", "show", "default"); (got != "") != nat {
			t.Errorf("with NAT %v: default route %q", nat, got)
		}
	}
	if s := seen(t, l); !s.Network.RA || s.Network.DHCP {
		t.Errorf("seen %+v", s)
	}
}

// What changes is told to who runs; only another service needs another one.
func TestReloadWithoutRestart(t *testing.T) {
	newBridge(t)
	l, g := opened(t), guard()
	g.Guests[0].Gateway4 = ""
	check(t, l.Set(t.Context(), g))
	before := l.pids()
	g = guard()
	g.Guests[1].IPv4, g.Guests[1].IPv6 = []string{"10.233.0.42"}, nil
	g.Guests = append(g.Guests[1:], resource.Guest{Name: "new", Bridge: bridge, MAC: "02:00:00:00:33:05", IPv4: []string{"10.233.0.5"}})
	check(t, l.Set(t.Context(), g))
	is := func(name string, want ...string) {
		t.Helper()
		if !soon(func() bool { got, _ := resolve("10.233.0.1", name); return slices.Equal(got, want) }) {
			got, err := resolve("10.233.0.1", name)
			t.Errorf("%s is %v, %v, want %v", name, got, err, want)
		}
	}
	is("web", "10.233.0.42")
	is("new", "10.233.0.5")
	is("db")
	if got, err := lease(t, plug(t, "sttl2", "02:00:00:00:33:05")); err != nil || got["ip"] != "10.233.0.5" {
		t.Errorf("new: %v, %v", got, err)
	}
	if got, err := lease(t, plug(t, "sttl3", "02:00:00:00:33:03")); err == nil {
		t.Errorf("one that left is given %v", got)
	}
	again := guests()[:1]
	again[0].Gateway4 = ""
	check(t, l.Ensure(t.Context(), resource.Guard{Networks: []resource.Network{{Name: "lan", Bridge: bridge}}, Guests: again}))
	is("db", "10.233.0.3", "fd42:33::3")
	is("new", "10.233.0.5")
	if after := l.pids(); !slices.Equal(after, before) || len(after) != 1 {
		t.Errorf("pids %v, were %v", after, before)
	}
}

func TestEndIsSeenAndMended(t *testing.T) {
	newBridge(t)
	l := opened(t)
	check(t, l.Set(t.Context(), guard()))
	if s := seen(t, l); !s.Network.DHCP || !s.Network.DNS || s.Network.RA || !s.Intact || len(s.Guests) != 2 {
		t.Errorf("seen %+v", s)
	}
	before := l.pids()
	ended := make(chan resource.Notice, 10)
	follow := l.WatchServants(t.Context(), func(n resource.Notice) { ended <- n })
	check(t, follow())
	check(t, follow())
	check(t, syscall.Kill(before[0], syscall.SIGKILL))
	select {
	case n := <-ended:
		if want := (resource.Notice{Device: bridge}); n != want {
			t.Errorf("told %+v, want %+v", n, want)
		}
	case <-time.After(5 * time.Second):
		t.Error("nobody is told of its end")
	}
	if !soon(func() bool { return len(l.pids()) == 0 }) {
		t.Fatal("it is not gone")
	}
	if s := seen(t, l); s.Network.DHCP || s.Network.DNS {
		t.Errorf("seen %+v of a dead one", s)
	}
	check(t, l.Set(t.Context(), guard()))
	if s := seen(t, l); !s.Network.DHCP || !s.Network.DNS {
		t.Errorf("seen %+v after it was mended", s)
	}
	for _, file := range []string{"hosts", "names", "served"} {
		check(t, os.WriteFile(l.at(bridge).file(file), []byte("10.233.0.99 evil\n"), 0o644))
		if s := seen(t, l); s.Intact {
			t.Errorf("a change of %s does not show", file)
		}
		check(t, l.Set(t.Context(), guard()))
		if s := seen(t, l); !s.Intact {
			t.Errorf("a change of %s is not mended", file)
		}
	}
}

// A bridge that was made anew under the same name is another one: the old
// dnsmasq is bound to what is gone.
func TestAnotherBridgeOfTheSameName(t *testing.T) {
	newBridge(t)
	l := opened(t)
	check(t, l.Set(t.Context(), guard()))
	before := l.pids()
	run(t, "ip", "link", "del", bridge)
	if s := seen(t, l); s.Network.DHCP {
		t.Errorf("seen %+v without a bridge", s)
	}
	makeBridge(t)
	if s := seen(t, l); s.Network.DHCP {
		t.Errorf("seen %+v of another bridge", s)
	}
	check(t, l.Set(t.Context(), guard()))
	if after := l.pids(); len(after) != 1 || after[0] == before[0] {
		t.Errorf("pids %v, were %v", after, before)
	}
	if _, err := resolve("10.233.0.1", "web"); err != nil {
		t.Error(err)
	}
}

// Nothing that others can reach is opened, and nothing runs as root.
func TestBoundToTheBridgeAlone(t *testing.T) {
	newBridge(t)
	l := opened(t)
	check(t, l.Set(t.Context(), guard()))
	for line := range strings.Lines(run(t, "ss", "-H", "-l", "-n", "-u", "-t")) {
		at := strings.Fields(line)[4]
		own := strings.HasPrefix(at, "10.233.0.1:") || strings.HasPrefix(at, "[fd42:33::1]:") || strings.HasPrefix(at, "[fe80::") || strings.Contains(at, "%"+bridge)
		if !own {
			t.Errorf("listens at %s", strings.TrimSpace(line))
		}
	}
	status, err := os.ReadFile("/proc/" + strconv.Itoa(l.pids()[0]) + "/status")
	check(t, err)
	for line := range strings.Lines(string(status)) {
		if words := strings.Fields(line); words[0] == "Uid:" && slices.Contains(words[1:], "0") {
			t.Errorf("runs as root: %s", line)
		}
	}
}

func TestNobodyIsLeft(t *testing.T) {
	newBridge(t)
	l := opened(t)
	check(t, l.Set(t.Context(), guard()))
	pid := l.pids()[0]
	check(t, l.Set(t.Context(), resource.Guard{}))
	if len(arguments(pid)) > 1 {
		t.Error("it runs")
	}
	if list, err := l.Observe(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("seen %+v, %v", list, err)
	}
	if entries, err := os.ReadDir(l.folder); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
