package netdev

import (
	"strings"
	"testing"

	"strake/reconcile/resource"
)

// wide is a container with routes, prefixes and further addresses.
func wide(t *testing.T, device string) (*Devices, int, resource.NIC) {
	d, pid, n := added(t, device)
	to := n
	to.Addresses = []string{"10.231.0.9/24", "fd42:231::9/64"}
	to.Prefixes = []string{"192.0.2.0/28", "2001:db8:7::/64"}
	to.Routes = []resource.Route{{To: "198.51.100.0/24", Via: "10.231.0.8"}, {To: "2001:db8:8::/64", Via: "fd42:231::8"}}
	check(t, d.ChangeNIC(t.Context(), pid, n, to))
	expectNIC(t, d, pid, to)
	return d, pid, to
}

func TestWhatLeadsShowsAndIsMended(t *testing.T) {
	for hand, inside := range map[string]bool{
		"ip addr del 10.231.0.9/24 dev eth0":              true,
		"ip addr del fd42:231::9/64 dev eth0":             true,
		"ip route del 198.51.100.0/24":                    true,
		"ip route replace 198.51.100.0/24 via 10.231.0.1": true,
		"ip -6 route del 2001:db8:8::/64":                 true,
		"ip route del 192.0.2.0/28":                       false,
		"ip route replace 192.0.2.0/28 via 10.231.0.77":   false,
		"ip -6 route del 2001:db8:7::/64":                 false,
	} {
		t.Run(hand, func(t *testing.T) {
			d, pid, n := wide(t, "sttv9")
			before := nics(t, d, pid, n)
			args := strings.Fields(hand)
			if inside {
				within(t, pid, args...)
			} else {
				run(t, args...)
			}
			seen := nics(t, d, pid, n)
			if resource.Digest(seen) == resource.Digest(before) {
				t.Errorf("it does not show: %+v", seen)
			}
			check(t, d.ChangeNIC(t.Context(), pid, seen[0], n))
			expectNIC(t, d, pid, n)
		})
	}
}

// The main address is the one that is sent from, whatever came first.
func TestFirstAddressLeads(t *testing.T) {
	d, pid, n := wide(t, "sttv10")
	to := n
	to.IPv4 = "10.231.0.3/24"
	within(t, pid, "sysctl", "-q", "-w", "net.ipv4.conf.eth0.promote_secondaries=1")
	check(t, d.ChangeNIC(t.Context(), pid, n, to))
	expectNIC(t, d, pid, to)
	if out := within(t, pid, "ip", "route", "get", "10.231.0.1"); !strings.Contains(out, "src 10.231.0.3") {
		t.Errorf("it sends from another address: %s", out)
	}
}

// Nothing of the host leads to a container that is gone.
func TestRoutesGoWithTheNIC(t *testing.T) {
	d, pid, n := wide(t, "sttv11")
	check(t, d.RemoveNIC(t.Context(), pid, n))
	left := func() string {
		return run(t, "ip", "route", "show", "192.0.2.0/28") + run(t, "ip", "-6", "route", "show", "2001:db8:7::/64")
	}
	if out := left(); out != "" {
		t.Errorf("after its removal: %s", out)
	}
	check(t, d.AddNIC(t.Context(), pid, n))
	expectNIC(t, d, pid, n)
	check(t, d.ClearNIC(t.Context(), n))
	if out := left(); out != "" || len(nics(t, d, pid)) > 0 {
		t.Errorf("after it was cleared: %s", out)
	}
}
