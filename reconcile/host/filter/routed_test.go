package filter

import (
	"os"
	"os/exec"
	"strconv"
	"testing"

	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

// TestRoutedFrames: every frame of a routed interface that the host takes,
// against every filter. Nothing else speaks on that wire.
func TestRoutedFrames(t *testing.T) {
	pid := namespace(t)
	run(t, "ip", "link", "add", "sttr", "type", "veth", "peer", "name", "eth0", "address", macA, "netns", strconv.Itoa(pid))
	t.Cleanup(func() { exec.Command("ip", "link", "del", "sttr").Run() })
	run(t, "nsenter", "-t", strconv.Itoa(pid), "-n", "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
	run(t, "nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "link", "set", "eth0", "up")
	run(t, "ip", "link", "set", "sttr", "address", macB, "up")
	spy, err := wire.NewSpy(os.Getpid(), "sttr")
	check(t, err)
	t.Cleanup(func() { check(t, spy.End(os.Getpid())) })
	w, f, s := newWire(t, pid), opened(t), scene()
	for name, change := range map[string]func(*resource.NIC){
		"none":         func(n *resource.NIC) { n.Filter = resource.Filter{} },
		"mac":          func(n *resource.NIC) { n.Filter = resource.Filter{MAC: true} },
		"ipv4":         func(n *resource.NIC) { n.Filter = resource.Filter{MAC: true, IPv4: true} },
		"ipv6":         func(n *resource.NIC) { n.Filter = resource.Filter{MAC: true, IPv6: true} },
		"all":          func(*resource.NIC) {},
		"without ipv4": func(n *resource.NIC) { n.IPv4 = "" },
		"without ipv6": func(n *resource.NIC) { n.IPv6 = "" },
	} {
		t.Run(name, func(t *testing.T) {
			n := resource.NIC{Name: "eth0", Type: "routed", Device: "sttr", MAC: macA, IPv4: ipA + "/32", IPv6: ip6A + "/128", Filter: all()}
			change(&n)
			check(t, f.Set(t.Context(), resource.Guard{NICs: []resource.NIC{n}}))
			tried := 0
			for _, fr := range s.Frames() {
				if !fr.Routed() {
					continue
				}
				tried++
				got, err := spy.Takes(w, fr.Bytes, spy.Last(s, n.IPv4 != ""))
				if err != nil {
					t.Fatalf("%s: %v", fr.Name, err)
				}
				if want := fr.Passes(n); got != want {
					t.Errorf("%s: passed %v, want %v", fr.Name, got, want)
				}
			}
			if tried < 40 {
				t.Errorf("%d frames", tried)
			}
			counts, err := f.Refused(t.Context())
			check(t, err)
			if c := counts["sttr"]; (c.Frames > 0) != n.Filter.Any() {
				t.Errorf("refused %+v", counts)
			}
		})
	}
}
