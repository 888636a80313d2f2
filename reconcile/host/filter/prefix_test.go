package filter

import (
	"slices"
	"strconv"
	"testing"
)

// TestSendersBeyondTheFirst: a NIC may send from each of its addresses and
// from all of its prefixes, and from nothing beside them.
func TestSendersBeyondTheFirst(t *testing.T) {
	f, l := opened(t), newLAN(t, 8, 1)
	n, pid := &l.nics[0], l.pids[0]
	in := []string{"nsenter", "-t", strconv.Itoa(pid), "-n"}
	for _, back := range []string{"192.0.2.0/24", "2001:db8::/32"} {
		run(t, "ip", "route", "add", back, "dev", l.net.Bridge)
	}
	from := []string{"10.238.0.77", "192.0.2.3", "192.0.2.35", "fd42:8::77", "2001:db8:7::3", "2001:db8:8::3"}
	for _, a := range from {
		run(t, append(in, "ip", "addr", "add", a, "dev", "eth0", "nodad")...)
	}
	to := map[bool]string{false: prefix(l.net.IPv4), true: prefix(l.net.IPv6)}
	passes := func(a, wait string) bool {
		run(t, append(in, "ip", "neigh", "flush", "all")...) // what was blocked before may count as unreachable yet
		return try(t, pid, "ping", "-c1", "-W"+wait, "-I", a, to[slices.Index(from, a) > 2])
	}
	expect := func(want ...string) {
		t.Helper()
		check(t, f.Set(t.Context(), l.guard()))
		seen, err := f.Observe(t.Context())
		check(t, err)
		if got := seen.Guard.NICs[0]; !seen.Intact || !slices.Equal(got.Senders(false), n.Senders(false)) || !slices.Equal(got.Senders(true), n.Senders(true)) {
			t.Errorf("seen %+v, want %+v", got, n)
		}
		for _, a := range from {
			if may := slices.Contains(want, a); passes(a, patience(may)) != may {
				t.Errorf("from %s with %v: passes %v", a, want, !may)
			}
		}
	}
	expect()
	n.Addresses = []string{"10.238.0.77/24", "fd42:8::77/64"}
	expect("10.238.0.77", "fd42:8::77")
	n.Addresses, n.Prefixes = nil, []string{"192.0.2.0/28", "2001:db8:7::/64"}
	expect("192.0.2.3", "2001:db8:7::3")
	n.Prefixes = []string{"192.0.2.0/24", "2001:db8::/32"} // wider, and so in the way of the ones before
	expect("192.0.2.3", "192.0.2.35", "2001:db8:7::3", "2001:db8:8::3")
	n.Prefixes = []string{"192.0.2.35/32", "2001:db8:8::3/128"}
	expect("192.0.2.35", "2001:db8:8::3")
	n.IPv4, n.IPv6 = "", ""
	expect("192.0.2.35", "2001:db8:8::3")
}

// TestGrownGuardHasBothPrefixes: the kernel refuses ranges that overlap.
func TestGrownGuardHasBothPrefixes(t *testing.T) {
	f, now, then := opened(t), sample(), sample()
	now.NICs[0].Prefixes = []string{"192.0.2.0/28", "2001:db8:7::/64"}
	then.NICs[0].Prefixes = []string{"192.0.2.0/24", "198.51.100.0/24"}
	check(t, f.Set(t.Context(), now))
	check(t, f.Set(t.Context(), now.Grow(then)))
	seen, err := f.Observe(t.Context())
	check(t, err)
	want := []string{"192.0.2.0/24", "198.51.100.0/24", "2001:db8:7::/64"}
	if got := seen.Guard.NICs[0].Prefixes; !slices.Equal(got, want) {
		t.Errorf("prefixes %v, want %v", got, want)
	}
}
