package filter

import (
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"strake/reconcile/resource"
)

// sample is a guard with one of everything; no device of it exists.
func sample() resource.Guard {
	n := func(i int, bridge string, f resource.Filter) resource.NIC {
		return resource.NIC{
			Device: fmt.Sprintf("sttx%d", i), Bridge: bridge, MAC: fmt.Sprintf("02:00:00:00:09:%02x", i),
			IPv4: fmt.Sprintf("10.9.0.%d/16", i), IPv6: fmt.Sprintf("fd09::%x/64", i), Filter: f,
		}
	}
	g := resource.Guard{
		NICs: []resource.NIC{
			n(1, "sttb1", all()), n(2, "sttb1", resource.Filter{MAC: true}),
			n(3, "sttb2", resource.Filter{MAC: true, IPv4: true}), n(4, "sttb2", resource.Filter{MAC: true, IPv6: true}),
			n(5, "sttb1", resource.Filter{}), n(6, "sttb1", all()), n(7, "sttb2", all()), n(8, "elsewhere", all()),
		},
		Networks: []resource.Network{
			{Bridge: "sttb1", NAT: true, HostAccess: true, DHCP: true, DNS: true, RA: true, IPv4: "10.9.0.1/16", IPv6: "fd09::1/64"},
			{Bridge: "sttb2", Isolate: true, IPv6: "link-local"},
		},
	}
	g.NICs[5].IPv4 = ""
	g.NICs[6].IPv6 = ""
	return g
}

// shown is how a guard is observed: only what is held shows.
func shown(g resource.Guard) resource.Guard {
	g.NICs, g.Networks = slices.Clone(g.NICs), slices.Clone(g.Networks)
	for i := range g.NICs {
		n := &g.NICs[i]
		*n = resource.NIC{Device: n.Device, Bridge: n.Bridge, MAC: n.MAC, IPv4: n.IPv4, IPv6: n.IPv6, Filter: n.Filter}
		if !n.Filter.Any() {
			n.MAC = ""
		}
		if !n.Filter.IPv4 {
			n.IPv4 = ""
		}
		if !n.Filter.IPv6 {
			n.IPv6 = ""
		}
	}
	for i := range g.Networks {
		n := &g.Networks[i]
		*n = resource.Network{Bridge: n.Bridge, NAT: n.NAT, Isolate: n.Isolate, HostAccess: n.HostAccess, DHCP: n.DHCP, DNS: n.DNS, RA: n.RA}
	}
	return g
}

func expect(t *testing.T, f *Filter, g resource.Guard) {
	t.Helper()
	s, err := f.Observe(t.Context())
	check(t, err)
	if !s.Intact || len(s.Missing) > 0 {
		t.Errorf("not intact: %v", s.Missing)
	}
	if want := shown(g); !reflect.DeepEqual(s.Guard, want) {
		t.Errorf("seen %+v\nwant %+v", s.Guard, want)
	}
}

func TestGuardIsSeenAsSet(t *testing.T) {
	f := opened(t)
	s, err := f.Observe(t.Context())
	check(t, err)
	if s.Intact || len(s.Missing) != 3 {
		t.Errorf("nothing is there, and seen is %+v", s)
	}
	check(t, f.Set(t.Context(), sample()))
	expect(t, f, sample())
	check(t, f.Set(t.Context(), resource.Guard{}))
	if tables := run(t, "nft", "list", "tables"); strings.Contains(tables, f.table) {
		t.Errorf("nothing to guard, and still there:\n%s", tables)
	}
}

// handles tell which rules and elements the kernel made anew.
func handles(t *testing.T) string {
	return run(t, "nft", "-a", "list", "ruleset")
}

func TestSetSendsOnlyWhatDiffers(t *testing.T) {
	f := opened(t)
	g := sample()
	check(t, f.Set(t.Context(), g))
	before := handles(t)
	check(t, f.Set(t.Context(), g))
	if after := handles(t); after != before {
		t.Errorf("an equal wish changed something:\n%s\n%s", before, after)
	}
	sent := 0
	for name, change := range map[string]func(*resource.Guard){
		"address":     func(g *resource.Guard) { g.NICs[0].IPv4 = "10.9.0.77/16" },
		"prefix":      func(g *resource.Guard) { g.NICs[0].IPv4 = "10.9.0.1/24" },
		"mac":         func(g *resource.Guard) { g.NICs[0].MAC = "02:00:00:00:09:77" },
		"no filter":   func(g *resource.Guard) { g.NICs[0].Filter = resource.Filter{} },
		"no address":  func(g *resource.Guard) { g.NICs[0].IPv4, g.NICs[0].IPv6 = "", "" },
		"one less":    func(g *resource.Guard) { g.NICs = g.NICs[1:] },
		"isolate":     func(g *resource.Guard) { g.Networks[0].Isolate = true },
		"nat":         func(g *resource.Guard) { g.Networks[0].NAT = false },
		"dhcp":        func(g *resource.Guard) { g.Networks[1].DHCP = true },
		"dns":         func(g *resource.Guard) { g.Networks[0].DNS = false },
		"ra":          func(g *resource.Guard) { g.Networks[0].RA = false },
		"host access": func(g *resource.Guard) { g.Networks[0].HostAccess = false },
		"bridge":      func(g *resource.Guard) { g.NICs[0].Bridge = "sttb2" },
		"network":     func(g *resource.Guard) { g.Networks = g.Networks[:1] },
	} {
		to := sample()
		change(&to)
		check(t, f.Set(t.Context(), to))
		expect(t, f, to)
		if ruleHandles(handles(t)) != ruleHandles(before) {
			t.Errorf("%s: the rules were written again", name)
		}
		check(t, f.Set(t.Context(), g))
		sent++
	}
	expect(t, f, g)
	if sent == 0 {
		t.Fatal("nothing was tried")
	}
}

func ruleHandles(text string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "# handle") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// Whatever a person does to our tables shows, and is mended.
func TestDriftShowsAndIsMended(t *testing.T) {
	f, g := opened(t), sample()
	check(t, f.Set(t.Context(), g))
	for _, hand := range []string{
		"flush ruleset",
		"flush set bridge T about",
		"delete table bridge T",
		"delete table inet T",
		"delete table arp T",
		"flush chain arp T consumed",
		"delete element arp T heard { sttx1 }",
		"flush chain bridge T sender",
		"flush chain inet T forward",
		"delete chain bridge T between",
		"insert rule bridge T guard accept",
		"insert rule inet T host accept",
		"add rule inet T host accept",
		"add chain inet T more { type filter hook input priority -5; policy accept; }",
		"add chain bridge T guard { type filter hook prerouting priority -300; policy drop; }",
		"flush set bridge T macs",
		"delete element bridge T ports { sttx1 : goto sender }",
		"delete element bridge T macs { sttx1 . 0x20000000901 }",
		"add element bridge T macs { sttx1 . 0x26600000001 }",
		"delete element bridge T ip4s { sttx1 . 10.9.0.1 }",
		"add element bridge T ip4s { sttx1 . 10.9.0.99 }",
		"delete element bridge T ip6s { sttx1 . 0xfd090000000000000000000000000001 }",
		"delete element bridge T ip6s { sttx1 . 0xfe80000000000000000000fffe000901 }",
		"add element bridge T ip6s { sttx1 . 0xfd090000000000000000000000000099 }",
		"add element bridge T net6s { sttx1 . 0xfd0a0000000000000000000000000000-0xfd0a000000000000ffffffffffffffff }",
		"add element bridge T net6s { sttx1 . 0xfd0a0000000000000000000000000001-0xfd0a0000000000000000000000000005 }",
		"add element bridge T ports { \"odd name\" : goto sender }",
		"delete element bridge T refused { sttx1 }",
		"add element bridge T free4 { sttx1 }",
		"delete element bridge T free6 { sttx3 }",
		"delete element bridge T none4 { sttx6 }",
		"add element bridge T none6 { sttx1 }",
		"delete element bridge T isolated { sttx3 }",
		"add element inet T loops { sttb2 . sttb2 }",
		"delete element inet T bridges { sttb2 }",
		"delete element inet T nat { sttb1 }",
		"add element inet T open { sttb2 }",
		"add element inet T dhcp { sttb2 }",
		"delete element inet T names { sttb1 }",
		"delete element inet T routers { sttb1 }",
		"delete element inet T links { sttx5 }",
	} {
		t.Run(hand, func(t *testing.T) {
			run(t, "nft", strings.TrimSpace(strings.ReplaceAll(hand+" ", " T ", " "+f.table+" ")))
			s, err := f.Observe(t.Context())
			check(t, err)
			if s.Intact && reflect.DeepEqual(s.Guard, shown(g)) {
				t.Error("the change by hand does not show")
			}
			check(t, f.Set(t.Context(), g))
		})
	}
	expect(t, f, g) // none of them would have gone with the next
}

const foreign = `
table inet strake {
	chain c {
		type filter hook input priority 0; policy accept;
		tcp dport 22 accept
	}
}
table bridge strake-st {
	set macs {
		type ifname . ether_addr
		elements = { "x" . 02:00:00:00:00:01 }
	}
}
table ip nat {
	chain post {
		type nat hook postrouting priority 100;
		oifname "eth0" masquerade
	}
}
`

// Rules of others, even of tables with nearly our name, are never touched.
func TestForeignRulesetSurvives(t *testing.T) {
	run(t, "sh", "-c", "nft -f - <<'E'\n"+foreign+"E")
	t.Cleanup(func() { run(t, "nft", "flush ruleset") })
	before := handles(t)
	f := Open(Options{Table: "strake-stt", Lock: t.TempDir() + "/lock"})
	ctx := t.Context()
	check(t, f.Set(ctx, sample()))
	check(t, f.Ensure(ctx, sample()))
	run(t, "nft", "flush chain bridge strake-stt sender")
	check(t, f.Ensure(ctx, sample()))
	check(t, f.Set(ctx, resource.Guard{}))
	if after := handles(t); !strings.HasPrefix(after, before) {
		t.Errorf("foreign rules changed:\n%s\n%s", before, after)
	}
	check(t, f.Remove(ctx))
	check(t, f.Remove(ctx))
	if after := handles(t); after != before {
		t.Errorf("after removal:\n%s\nwant\n%s", after, before)
	}
}

func part(g resource.Guard, i int) resource.Guard {
	return resource.Guard{NICs: g.NICs[i : i+1], Networks: slices.DeleteFunc(slices.Clone(g.Networks), func(n resource.Network) bool {
		return n.Bridge != g.NICs[i].Bridge
	})}
}

// Start hooks of all containers after a flush, at the same time, make it
// whole again.
func TestEnsureAddsUp(t *testing.T) {
	f, g := opened(t), sample()
	for _, state := range []string{"absent", "damaged", "whole"} {
		t.Run(state, func(t *testing.T) {
			switch state {
			case "absent":
				check(t, f.Remove(t.Context()))
			case "damaged":
				run(t, "nft", "flush chain bridge strake-stt sender")
			}
			var group sync.WaitGroup
			errs := make([]error, len(g.NICs))
			for i := range g.NICs {
				group.Go(func() { errs[i] = f.Ensure(t.Context(), part(g, i)) })
			}
			group.Wait()
			check(t, errors.Join(errs...))
			expect(t, f, g)
		})
	}
}

func TestEnsureIsExactForItsOwn(t *testing.T) {
	f, g := opened(t), sample()
	check(t, f.Set(t.Context(), g))
	g.NICs[0].IPv4, g.NICs[0].MAC = "10.9.0.55/16", "02:00:00:00:09:55"
	one := part(g, 0)
	one.Networks[0].NAT = false // an old record of the network does not change it
	check(t, f.Ensure(t.Context(), one))
	expect(t, f, g)
}

// While containers change, a guard holds a device to both of its addresses.
func TestWideGuard(t *testing.T) {
	f, from, to := opened(t), sample(), sample()
	to.NICs[0].IPv4, to.NICs[0].MAC = "10.9.0.2/16", "02:00:00:00:09:99"
	wide := from.Grow(to)
	check(t, f.Set(t.Context(), wide))
	s, err := f.Observe(t.Context())
	check(t, err)
	if n := s.Guard.NICs[0]; n.IPv4 != "10.9.0.1/16 10.9.0.2/16" || n.MAC != "02:00:00:00:09:01 02:00:00:00:09:99" || !s.Intact {
		t.Errorf("seen %+v, %v", n, s.Missing)
	}
	check(t, f.Set(t.Context(), to))
	expect(t, f, to)
}

func TestBadWishIsRefusedWhole(t *testing.T) {
	f := opened(t)
	check(t, f.Set(t.Context(), sample()))
	for name, change := range map[string]func(*resource.NIC){
		"wildcard":     func(n *resource.NIC) { n.Device = "stt*" },
		"quote":        func(n *resource.NIC) { n.Device = `a" : accept` },
		"bridge":       func(n *resource.NIC) { n.Bridge = `b" }` },
		"no mac":       func(n *resource.NIC) { n.MAC = "" },
		"address":      func(n *resource.NIC) { n.IPv4 = "10.0.0.0.1/8" },
		"other family": func(n *resource.NIC) { n.IPv4 = "fd09::1/64" },
	} {
		g := sample()
		change(&g.NICs[0])
		if err := f.Set(t.Context(), g); err == nil {
			t.Errorf("%s: taken", name)
		}
		expect(t, f, sample())
	}
	for _, table := range []string{"", "a b", "a;b", "-x"} {
		if err := Open(Options{Table: table, Lock: t.TempDir() + "/l"}).Set(t.Context(), sample()); err == nil {
			t.Errorf("table %q: taken", table)
		}
	}
	if err := (&Filter{table: "a"}).Set(t.Context(), sample()); !errors.Is(err, ErrNoNFT) {
		t.Errorf("no nft: %v", err)
	}
}

// worked is how long the processors were at work for the programs that this one
// ran: others at work make them wait, not work.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// floor is how long nft is at work for as many elements in one set and no rule.
func floor(t *testing.T, e entries) time.Duration {
	t.Helper()
	var b strings.Builder
	b.WriteString("table bridge stt-floor {\nset s {\ntypeof iifname . ip saddr\nelements = {\n")
	n := 0
	for _, list := range e {
		for range list {
			fmt.Fprintf(&b, "\"stty%04d\" . 10.9.%d.%d,\n", n%1000, n>>8, n&255)
			n++
		}
	}
	b.WriteString("}\n}\n}\n")
	nft := func(stdin string, args ...string) {
		c := exec.Command("nft", args...)
		c.Stdin = strings.NewReader(stdin)
		if said, err := c.CombinedOutput(); err != nil {
			t.Fatalf("nft: %v\n%s", err, said)
		}
	}
	before := worked(t)
	nft(b.String(), "-f", "-")
	spent := worked(t) - before
	nft("", "delete", "table", "bridge", "stt-floor")
	t.Logf("floor: %v for %d elements", spent, n)
	return spent
}

func TestThousandAreQuick(t *testing.T) {
	f := opened(t)
	var g resource.Guard
	for i := range 1000 {
		g.NICs = append(g.NICs, resource.NIC{
			Device: fmt.Sprintf("stty%04d", i), Bridge: "sttb1", MAC: fmt.Sprintf("02:00:00:01:%02x:%02x", i>>8, i&255),
			IPv4: fmt.Sprintf("10.9.%d.%d/16", i>>8, i&255), IPv6: fmt.Sprintf("fd09::1:%x/64", i), Filter: all(),
		})
	}
	g.Networks = []resource.Network{{Bridge: "sttb1", NAT: true}}
	e, err := entriesOf(g)
	check(t, err)
	timed := func(what string, most time.Duration, do func() error) {
		t.Helper()
		start := time.Now()
		check(t, do())
		took := time.Since(start)
		t.Logf("%s: %v", what, took)
		if took > most {
			t.Errorf("%s took %v, at most %v", what, took, most)
		}
	}
	spent := worked(t)
	timed("one transaction", 10*time.Second, func() error { return f.run(t.Context(), f.layout(e)) })
	spent = worked(t) - spent
	if floor := floor(t, e); spent > 2*floor {
		t.Errorf("one transaction has nft at work for %v, as many plain elements for %v", spent, floor)
	}
	timed("set of nothing there", 10*time.Second, func() error { return f.Set(t.Context(), g) })
	timed("observe", 10*time.Second, func() error { _, err := f.Observe(t.Context()); return err })
	timed("equal set", 10*time.Second, func() error { return f.Set(t.Context(), g) })
	g.NICs[500].IPv4 = "10.9.200.1/16"
	timed("one address", 10*time.Second, func() error { return f.Set(t.Context(), g) })
	expect(t, f, g)
}
