package filter

import (
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"strake/reconcile/host/hosttest/wire"
	"strake/reconcile/resource"
)

// spied counts what of a device reaches the host's IP and ARP behind our tables.
const spied = `
table inet spy {
	chain c {
		type filter hook prerouting priority -250;
		iifname "sttr" udp dport 4242 counter return comment "last"
		iifname "sttr" counter comment "frame"
	}
}
table arp spy {
	chain c {
		type filter hook input priority -250;
		iifname "sttr" counter comment "frame"
	}
}
`

// taken says whether the host's IP or ARP takes such a frame at all: of others
// nothing comes of a routed interface, filtered or not. A tag of VLAN 0 is no
// tag for the kernel (IEEE 802.1Q, 6.8), and what is in it is looked at.
func taken(f wire.Frame) bool {
	// Fragments are put together before any rule of ours (nf_defrag), and what
	// is not IPv6 goes before that.
	if strings.Contains(f.Name, "piece") || f.Name == "report behind long hop-by-hop" {
		return false
	}
	kind := int(f.Bytes[12])<<8 | int(f.Bytes[13])
	return kind == wire.IPv4 || kind == wire.IPv6 || kind == wire.ARP && f.Bytes[18] == 6 && f.Bytes[19] == 4
}

// TestRoutedFrames: every frame of a routed interface that the host takes,
// against every filter. Nothing else speaks on that wire.
func TestRoutedFrames(t *testing.T) {
	pid := namespace(t)
	run(t, "ip", "link", "add", "sttr", "type", "veth", "peer", "name", "eth0", "address", macA, "netns", strconv.Itoa(pid))
	t.Cleanup(func() { exec.Command("ip", "link", "del", "sttr").Run() })
	run(t, "nsenter", "-t", strconv.Itoa(pid), "-n", "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
	run(t, "nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "link", "set", "eth0", "up")
	run(t, "ip", "link", "set", "sttr", "address", macB, "up")
	run(t, "nft", spied)
	t.Cleanup(func() {
		run(t, "nft", "delete", "table", "inet", "spy")
		run(t, "nft", "delete", "table", "arp", "spy")
	})
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
			last := wire.Ether(macB, macA, wire.IPv4, wire.Packet4(ipA, ipB, 17, wire.UDP(1, 4242, nil)))
			if n.IPv4 == "" {
				last = wire.Ether(macB, macA, wire.IPv6, wire.Packet6(ip6A, ip6B, 17, 64, wire.UDP(1, 4242, nil)))
			}
			tried := 0
			frames, ends := counted(t)
			for _, fr := range s.Frames() {
				if !taken(fr) || fr.Class == wire.ByGuard {
					continue
				}
				tried++
				check(t, w.Send(fr.Bytes))
				check(t, w.Send(last))
				now, end := counted(t)
				for deadline := time.Now().Add(3 * time.Second); end == ends; now, end = counted(t) {
					if time.Now().After(deadline) {
						t.Fatalf("%s: what may pass does not", fr.Name)
					}
				}
				if got, want := now > frames, fr.Passes(n); got != want {
					t.Errorf("%s: passed %v, want %v", fr.Name, got, want)
				}
				frames, ends = now, end
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

func counted(t *testing.T) (frames, ends int) {
	t.Helper()
	out := run(t, "nft", "list", "table", "inet", "spy") + run(t, "nft", "list", "table", "arp", "spy")
	for _, m := range regexp.MustCompile(`counter packets (\d+) bytes \d+ (?:return )?comment "(\w+)"`).FindAllStringSubmatch(out, -1) {
		n, err := strconv.Atoi(m[1])
		check(t, err)
		if m[2] == "last" {
			ends += n
		} else {
			frames += n
		}
	}
	return frames, ends
}
