package netdev

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"strake/reconcile/resource"
)

// seen is the one network that is observed.
func seen(t *testing.T, d *Devices) resource.Network {
	t.Helper()
	list, err := d.Networks(t.Context())
	check(t, err)
	if len(list) != 1 {
		t.Fatalf("networks: %+v, want one", list)
	}
	return list[0]
}

func TestNetworkIsSeenAsMade(t *testing.T) {
	for name, change := range map[string]func(*resource.Network){
		"both families": func(*resource.Network) {},
		"link-local":    func(n *resource.Network) { n.IPv6 = "link-local" },
		"no address":    func(n *resource.Network) { n.IPv4, n.IPv6 = "", "" },
		"nat":           func(n *resource.Network) { n.NAT = true },
		"mtu":           func(n *resource.Network) { n.MTU = 1400 },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			n := web()
			change(&n)
			network(t, d, n)
			if got := seen(t, d); !reflect.DeepEqual(got, n) {
				t.Errorf("seen %+v\nwant %+v", got, n)
			}
			check(t, d.RemoveNetwork(t.Context(), n))
			if err := d.RemoveNetwork(t.Context(), n); !errors.Is(err, ErrNotFound) {
				t.Errorf("second removal: %v, want ErrNotFound", err)
			}
		})
	}
}

func TestBridgeListensToNobody(t *testing.T) {
	network(t, open(t), web())
	for file, want := range map[string]string{"accept_ra": "0", "autoconf": "0", "addr_gen_mode": "1"} {
		got, err := read("net/ipv6/conf/stt-web/" + file)
		if err != nil || got != want {
			t.Errorf("%s is %q, %v; want %s", file, got, err, want)
		}
	}
	out := run(t, "ip", "-6", "-o", "addr", "show", "dev", "stt-web")
	if strings.Contains(out, "tentative") || strings.Count(out, "nodad") != 2 || strings.Count(out, "\n") != 2 {
		t.Errorf("want two addresses, usable at once:\n%s", out)
	}
	if out := run(t, "ip", "-4", "addr", "show", "dev", "stt-web"); !strings.Contains(out, "brd 10.231.0.255") {
		t.Errorf("broadcast is wrong:\n%s", out)
	}
}

// Whatever a person does to the bridge shows, and is mended.
func TestNetworkDriftShowsAndIsMended(t *testing.T) {
	for _, hand := range []string{
		"ip addr add 10.231.0.9/24 dev stt-web",
		"ip addr add 10.99.0.1/16 dev stt-web",
		"ip addr del 10.231.0.1/24 dev stt-web",
		"ip addr flush dev stt-web",
		"ip -6 addr del fe80::1/64 dev stt-web",
		"ip -6 addr add fd42:231::9/64 dev stt-web",
		"ip link set stt-web mtu 1400",
		"ip link set stt-web address 02:5a:00:00:00:77",
		"ip link set stt-web down",
		"sysctl -q -w net.ipv4.ip_forward=0",
		"sysctl -q -w net.ipv6.conf.all.forwarding=0",
		"sysctl -q -w net.ipv4.conf.stt-web.forwarding=0",
		"ip route del 10.231.0.0/24 dev stt-web",
		"ip -6 route del fd42:231::/64 dev stt-web",
		"ip -6 route del fe80::/64 dev stt-web",
		"sysctl -q -w net.ipv6.conf.stt-web.accept_ra=1",
		"sysctl -q -w net.ipv6.conf.stt-web.autoconf=1",
		"sysctl -q -w net.ipv6.conf.stt-web.addr_gen_mode=0",
		"sysctl -q -w net.ipv6.conf.stt-web.disable_ipv6=1",
	} {
		t.Run(hand, func(t *testing.T) {
			d := open(t)
			n := web()
			n.NAT = true
			network(t, d, n)
			run(t, strings.Fields(hand)...)
			if got := seen(t, d); reflect.DeepEqual(got, n) {
				t.Error("the change by hand does not show")
			}
			check(t, d.EnsureNetwork(t.Context(), n))
			if got := seen(t, d); !reflect.DeepEqual(got, n) {
				t.Errorf("after mending: %+v\nwant %+v", got, n)
			}
			check(t, d.RemoveNetwork(t.Context(), n))
		})
	}
}

func TestNetworkIsReaddressed(t *testing.T) {
	d := open(t)
	n := network(t, d, web())
	for _, v4 := range []string{"10.231.0.5/24", "10.231.0.5/16", "10.232.0.1/24", ""} {
		n.IPv4 = v4
		check(t, d.EnsureNetwork(t.Context(), n))
		if got := seen(t, d); !reflect.DeepEqual(got, n) {
			t.Errorf("seen %+v\nwant %+v", got, n)
		}
	}
}

func TestForeignBridgeIsLeftAlone(t *testing.T) {
	d := open(t)
	run(t, "ip", "link", "add", "stt-web", "type", "bridge")
	t.Cleanup(func() { exec.Command("ip", "link", "del", "stt-web").Run() })
	run(t, "ip", "addr", "add", "10.9.9.9/24", "dev", "stt-web")
	before := run(t, "ip", "addr", "show", "dev", "stt-web")
	if err := d.EnsureNetwork(t.Context(), web()); !errors.Is(err, ErrForeign) {
		t.Errorf("ensure: %v, want ErrForeign", err)
	}
	if err := d.RemoveNetwork(t.Context(), web()); !errors.Is(err, ErrForeign) {
		t.Errorf("remove: %v, want ErrForeign", err)
	}
	if after := run(t, "ip", "addr", "show", "dev", "stt-web"); after != before {
		t.Errorf("foreign bridge changed:\n%s\n%s", before, after)
	}
}

func TestOtherInstallationsBridgeIsForeign(t *testing.T) {
	network(t, openAs(t, "i2", t.TempDir()), web())
	d := open(t)
	if err := d.EnsureNetwork(t.Context(), web()); !errors.Is(err, ErrForeign) {
		t.Errorf("ensure: %v, want ErrForeign", err)
	}
	if list, err := d.Networks(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("networks: %+v, %v; want none", list, err)
	}
}

// A run killed between making the bridge and marking it.
func TestHalfMadeBridgeIsTakenUp(t *testing.T) {
	d := open(t)
	run(t, "ip", "link", "add", "stt-web", "address", web().MAC, "type", "bridge")
	network(t, d, web())
	if got := seen(t, d); !reflect.DeepEqual(got, web()) {
		t.Errorf("seen %+v", got)
	}
}

func TestExternalNetworkIsOnlyLookedFor(t *testing.T) {
	d := open(t)
	n := resource.Network{Name: "lan", Bridge: "stt-lan", External: true}
	if err := d.EnsureNetwork(t.Context(), n); !errors.Is(err, ErrNoBridge) {
		t.Errorf("missing bridge: %v, want ErrNoBridge", err)
	}
	run(t, "ip", "link", "add", "stt-lan", "type", "bridge")
	before := run(t, "ip", "addr", "show", "dev", "stt-lan")
	check(t, d.EnsureNetwork(t.Context(), n))
	check(t, d.RemoveNetwork(t.Context(), n))
	if after := run(t, "ip", "addr", "show", "dev", "stt-lan"); after != before {
		t.Errorf("external bridge changed:\n%s\n%s", before, after)
	}
	run(t, "ip", "link", "del", "stt-lan")
}

// The settings of the whole host go back when the last network that needs
// them goes, and the host does not become deaf to router advertisements.
func TestForwardingGoesBack(t *testing.T) {
	run(t, "ip", "link", "add", "stt-up", "type", "veth", "peer", "name", "stt-up2")
	t.Cleanup(func() { exec.Command("ip", "link", "del", "stt-up").Run() })
	check(t, setting{forward4, "0"}.ensure())
	check(t, setting{forward6, "0"}.ensure())
	check(t, setting{acceptRA("stt-up"), "1"}.ensure())
	d, ctx := open(t), t.Context()
	a, b := web(), web()
	b.Name, b.Bridge, b.MAC, b.IPv4, b.IPv6 = "b", "stt-b", "02:5a:00:00:00:0b", "10.232.0.1/24", ""
	a.NAT, b.NAT = true, true
	network(t, d, a)
	network(t, d, b)
	expect := func(v4, v6, ra string) {
		t.Helper()
		for path, want := range map[string]string{forward4: v4, forward6: v6, acceptRA("stt-up"): ra} {
			if got, err := read(path); got != want || err != nil {
				t.Errorf("%s is %q, %v; want %s", path, got, err, want)
			}
		}
	}
	expect("1", "1", "2")
	check(t, d.RemoveNetwork(ctx, a))
	expect("1", "0", "1")
	b.NAT = false
	check(t, d.EnsureNetwork(ctx, b))
	expect("0", "0", "1")
	b.NAT = true
	check(t, d.EnsureNetwork(ctx, b))
	expect("1", "0", "1")
	run(t, "ip", "link", "del", "stt-b")
	if err := d.RemoveNetwork(ctx, b); !errors.Is(err, ErrNotFound) {
		t.Errorf("remove: %v, want ErrNotFound", err)
	}
	expect("0", "0", "1")
}

func TestForwardingThatWasOnStaysOn(t *testing.T) {
	check(t, setting{forward4, "1"}.ensure())
	t.Cleanup(func() { setting{forward4, "0"}.ensure() })
	d := open(t)
	n := web()
	n.NAT, n.IPv6 = true, ""
	network(t, d, n)
	check(t, d.RemoveNetwork(t.Context(), n))
	if got, _ := read(forward4); got != "1" {
		t.Errorf("ip_forward is %s, want 1 as before", got)
	}
}

// An interface that forwards by itself, by its owner's word or for a routed
// container, goes on when the whole host stops, which takes it from every
// interface; and the whole host's stays whole when the routed one goes.
func TestForwardingOfOneAndOfAll(t *testing.T) {
	beside(t)
	run(t, "ip", "link", "add", "stt-up", "type", "veth", "peer", "name", "stt-up2")
	t.Cleanup(func() { exec.Command("ip", "link", "del", "stt-up").Run() })
	run(t, "sysctl", "-q", "-w", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
	run(t, "sysctl", "-q", "-w", "net.ipv4.conf.stt-up.forwarding=1", "net.ipv6.conf.stt-up.forwarding=1")
	expect := func(up, lan string) {
		t.Helper()
		for path, want := range map[string]string{forwardingOf(forward4, "stt-up"): up, forwardingOf(forward4, "sttlan"): lan} {
			if got, err := read(path); got != want || err != nil {
				t.Errorf("%s is %q, %v; want %s", path, got, err, want)
			}
		}
	}
	n := web()
	n.NAT = true
	for _, first := range []string{"the network", "the container"} {
		d, pid, r := given(t, "sttr4") // without the network
		expect("1", "1")
		network(t, d, n)
		if first == "the container" {
			check(t, d.RemoveNIC(t.Context(), pid, r))
			expect("1", "1") // answers come in there
			check(t, d.AddNIC(t.Context(), pid, r))
			check(t, d.RemoveNIC(t.Context(), pid, r))
		}
		check(t, d.RemoveNetwork(t.Context(), n))
		if first == "the network" {
			expect("1", "1")
			expectNIC(t, d, pid, r)
			within(t, pid, "ping", "-c1", "-W3", "192.0.2.2")
			check(t, d.RemoveNIC(t.Context(), pid, r))
		}
		expect("1", "0")
	}
	if got, _ := read(forwardingOf(forward6, "stt-up")); got != "1" {
		t.Errorf("stt-up does not forward IPv6 any more: %s", got)
	}
}

func TestRecordOfAnotherBootDoesNotCount(t *testing.T) {
	d := open(t)
	text := `{"boot":"another","settings":{"net/ipv4/ip_forward":{"was":"1","users":["stt-gone"]}}}`
	check(t, os.WriteFile(d.recordPath(), []byte(text), 0o600))
	n := web()
	n.NAT, n.IPv6 = true, ""
	network(t, d, n)
	check(t, d.RemoveNetwork(t.Context(), n))
	if got, _ := read(forward4); got != "0" {
		t.Errorf("ip_forward is %s, want 0", got)
	}
}

// Start hooks of many containers make the same network at the same time.
func TestManyMakeTheSameNetwork(t *testing.T) {
	record := t.TempDir()
	var group sync.WaitGroup
	errs := make([]error, 8)
	n := web()
	n.NAT = true
	for i := range errs {
		d := openAs(t, "i1", record)
		group.Go(func() { errs[i] = d.EnsureNetwork(t.Context(), n) })
	}
	group.Wait()
	if i := slices.IndexFunc(errs, func(e error) bool { return e != nil }); i >= 0 {
		t.Error(errs[i])
	}
	d := openAs(t, "i1", record)
	if got := seen(t, d); !reflect.DeepEqual(got, n) {
		t.Errorf("seen %+v", got)
	}
	check(t, d.RemoveNetwork(t.Context(), n))
}
