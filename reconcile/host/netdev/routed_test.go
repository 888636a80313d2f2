package netdev

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"strake/reconcile/resource"
)

// beside is a place on a network of the host's, by its interface sttlan: a
// neighbour that looks for the container there.
func beside(t *testing.T) (pid int) {
	t.Helper()
	pid = namespace(t)
	run(t, "ip", "link", "add", "sttlan", "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(pid))
	t.Cleanup(func() { exec.Command("ip", "link", "del", "sttlan").Run() })
	for _, line := range []string{"ip addr add 192.0.2.1/24 dev sttlan", "ip addr add 2001:db8::1/64 dev sttlan nodad", "ip link set sttlan up"} {
		run(t, strings.Fields(line)...)
	}
	for _, line := range []string{"ip addr add 192.0.2.2/24 dev eth0", "ip addr add 2001:db8::2/64 dev eth0 nodad", "ip link set eth0 up"} {
		within(t, pid, strings.Fields(line)...)
	}
	return pid
}

// given is a container with a routed interface on the network of beside.
func given(t *testing.T, device string) (*Devices, int, resource.NIC) {
	t.Helper()
	d, pid := open(t), namespace(t)
	n := resource.NIC{
		Name: "eth0", Type: routed, Parent: "sttlan", Device: device, MAC: "02:5a:00:00:00:02", IPv4: "192.0.2.7/32", IPv6: "2001:db8::7/128",
		Gateway4: host4, Gateway6: host6, Addresses: []string{"192.0.2.8/32"}, Prefixes: []string{"198.51.100.0/28"},
	}
	check(t, d.AddNIC(t.Context(), pid, n))
	t.Cleanup(func() { check(t, d.ClearNIC(context.Background(), n)) })
	return d, pid, n
}

func TestRoutedReachesItsNetworkBothWays(t *testing.T) {
	far := beside(t)
	d, pid, n := given(t, "sttr1")
	expectNIC(t, d, pid, n)
	for _, to := range []string{"192.0.2.2", "2001:db8::2", "192.0.2.1", host4} {
		within(t, pid, "ping", "-c1", "-W3", to)
	}
	for _, to := range []string{"192.0.2.7", "192.0.2.8", "2001:db8::7"} {
		within(t, far, "ping", "-c1", "-W3", to)
		run(t, "ping", "-c1", "-W3", to)
	}
	if got := run(t, "sysctl", "-n", "net.ipv6.conf.sttr1.accept_ra"); strings.TrimSpace(got) != "0" {
		t.Errorf("the host listens to its router advertisements: %s", got)
	}
}

func TestRoutedDriftShowsAndIsMended(t *testing.T) {
	beside(t)
	for _, hand := range []string{
		"ip route del 192.0.2.7/32", "ip -6 route del 2001:db8::7/128", "ip route del 192.0.2.8/32", "ip route del 198.51.100.0/28",
		"ip addr del 169.254.0.1/32 dev sttr2", "ip addr del fe80::1/64 dev sttr2", "ip link set sttr2 down",
		"ip neigh del proxy 192.0.2.8 dev sttlan", "ip -6 neigh del proxy 2001:db8::7 dev sttlan",
		"sysctl -q -w net.ipv4.conf.sttlan.forwarding=0", "sysctl -q -w net.ipv6.conf.sttlan.proxy_ndp=0",
		"ip link set sttr2 name sttr2x",
		"sysctl -q -w net.ipv4.conf.sttr2.rp_filter=0", "sysctl -q -w net.ipv4.conf.sttr2.accept_redirects=1", "sysctl -q -w net.ipv4.conf.sttr2.forwarding=0",
		"sysctl -q -w net.ipv6.conf.sttr2.accept_ra=1", "sysctl -q -w net.ipv6.conf.sttr2.accept_redirects=1", "sysctl -q -w net.ipv6.conf.sttr2.disable_ipv6=1",
	} {
		t.Run(hand, func(t *testing.T) {
			d, pid, n := given(t, "sttr2")
			run(t, strings.Fields(hand)...)
			seen := nics(t, d, pid, n)
			if len(seen) != 1 || resource.Digest(seen[0]) == resource.Digest(n) {
				t.Fatalf("it does not show: %+v", seen)
			}
			check(t, d.ChangeNIC(t.Context(), pid, seen[0], n))
			expectNIC(t, d, pid, n)
		})
	}
}

// Nothing of it stays on the host, settings included.
func TestRoutedGoesWhole(t *testing.T) {
	beside(t)
	settings := func() string {
		return run(t, "sysctl", "net.ipv4.conf.sttlan.forwarding", "net.ipv6.conf.sttlan.proxy_ndp", "net.ipv6.conf.all.forwarding") +
			run(t, "ip", "neigh", "show", "proxy") + run(t, "ip", "-6", "neigh", "show", "proxy") +
			strings.ReplaceAll(run(t, "ip", "route"), " linkdown", "") // the kernel looks for a carrier when it has time
	}
	run(t, "sysctl", "-q", "-w", "net.ipv4.conf.sttlan.forwarding=0", "net.ipv6.conf.all.forwarding=0")
	before := settings()
	d, pid, n := given(t, "sttr3")
	if settings() == before {
		t.Fatal("nothing was set")
	}
	to := n
	to.IPv4, to.Addresses, to.IPv6, to.Gateway6, to.Prefixes = "192.0.2.9/32", nil, "", "", nil
	check(t, d.ChangeNIC(t.Context(), pid, n, to))
	expectNIC(t, d, pid, to)
	if out := run(t, "ip", "neigh", "show", "proxy"); strings.Contains(out, "192.0.2.8") || !strings.Contains(out, "192.0.2.9") {
		t.Errorf("answers for %s", out)
	}
	check(t, d.RemoveNIC(t.Context(), pid, to))
	if after := settings(); after != before {
		t.Errorf("after its removal:\n%s\nbefore:\n%s", after, before)
	}
	check(t, d.AddNIC(t.Context(), pid, n))
	check(t, d.ClearNIC(t.Context(), n))
	if after := settings(); after != before {
		t.Errorf("after it was cleared:\n%s\nbefore:\n%s", after, before)
	}
}
