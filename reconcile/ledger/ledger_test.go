package ledger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"strake/reconcile/idmap"
)

// host is a pool of a thousand million ids and uuids that count.
func host() Host {
	n := 0
	return Host{
		Pool: []idmap.Range{{Base: 1000000, Size: 1000000000}},
		UUID: func() string { n++; return fmt.Sprintf("uuid-%d", n) },
	}
}

func lan() Net {
	return Net{Name: "lan", IPv4: netip.MustParsePrefix("10.101.0.1/16"), IPv6: netip.MustParsePrefix("fd42::1/64")}
}

func auto(container string) Wish { return Wish{Container: container, NIC: "eth0", Net: lan()} }

func fixed(container, ip string) Wish {
	w := auto(container)
	w.IP = netip.MustParseAddr(ip)
	return w
}

// give is the addresses of wishes that must be granted.
func give(t *testing.T, d *Draft, wishes ...Wish) string {
	t.Helper()
	got, err := d.IPv4(wishes)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, ip := range got {
		words = append(words, ip.String())
	}
	return strings.Join(words, " ")
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestIPv4(t *testing.T) {
	d := New("0123abcd").Edit(host())
	same(t, "lowest", give(t, d, auto("c2"), auto("c1")), "10.101.0.3 10.101.0.2")
	same(t, "kept", give(t, d, auto("a"), auto("c1"), auto("c2")), "10.101.0.4 10.101.0.2 10.101.0.3")
	d.Forget("c1")
	same(t, "freed one again", give(t, d, auto("z")), "10.101.0.2")
	same(t, "fixed costs no slot", give(t, d, auto("n1"), fixed("f", "10.101.0.5"), auto("n2")), "10.101.0.6 10.101.0.5 10.101.0.7")
	same(t, "from chosen to fixed", give(t, d, fixed("n1", "10.101.0.50")), "10.101.0.50")
	same(t, "its slot is free", give(t, d, auto("n3")), "10.101.0.6")
	same(t, "from fixed to chosen", give(t, d, auto("n1")), "10.101.0.50")
	if err := d.Ledger().Check(); err != nil {
		t.Error(err)
	}
}

func TestFixedOnesMove(t *testing.T) {
	d := New("0123abcd").Edit(host())
	give(t, d, fixed("a", "10.101.0.2"), fixed("b", "10.101.0.3"), auto("c"))
	same(t, "exchange", give(t, d, fixed("a", "10.101.0.3"), fixed("b", "10.101.0.2"), auto("c")), "10.101.0.3 10.101.0.2 10.101.0.4")
	same(t, "handed over", give(t, d, auto("a"), fixed("b", "10.101.0.3")), "10.101.0.2 10.101.0.3")
	none := auto("b")
	none.None = true
	give(t, d, none, fixed("e", "10.101.0.3"))
	elsewhere := auto("e")
	elsewhere.Net = Net{Name: "other", IPv4: netip.MustParsePrefix("10.9.0.1/24")}
	same(t, "moved away", give(t, d, elsewhere, fixed("f", "10.101.0.3")), "10.9.0.2 10.101.0.3")
	if err := d.Ledger().Check(); err != nil {
		t.Error(err)
	}
}

func TestNetworksAreKeptApart(t *testing.T) {
	d := New("0123abcd").Edit(host())
	other := auto("a")
	other.Net = Net{Name: "other", IPv4: netip.MustParsePrefix("10.9.0.1/24")}
	give(t, d, auto("a"), auto("b"))
	same(t, "other network", give(t, d, other), "10.9.0.2")
	same(t, "and back", give(t, d, auto("a"), auto("c")), "10.101.0.2 10.101.0.4")
}

func TestPrefixChanges(t *testing.T) {
	d := New("0123abcd").Edit(host())
	give(t, d, auto("a"), auto("b"))
	moved := auto("a")
	moved.Net.IPv4 = netip.MustParsePrefix("10.7.0.1/24")
	same(t, "new prefix", give(t, d, moved), "10.7.0.2")
	host := auto("b")
	host.Net.IPv4 = netip.MustParsePrefix("10.101.0.3/16")
	same(t, "not the host's new address", give(t, d, host), "10.101.0.1")
}

func TestCollisions(t *testing.T) {
	d := New("0123abcd").Edit(host())
	give(t, d, auto("auto"), fixed("fixed", "10.101.0.9"))
	for ip, owner := range map[string]string{"10.101.0.1": "lan", "10.101.0.2": "auto", "10.101.0.9": "fixed"} {
		_, err := d.IPv4([]Wish{fixed("new", ip)})
		var taken *TakenError
		if !errors.As(err, &taken) || taken.Owner != owner || taken.What != ip || taken.Container != "new" {
			t.Errorf("%s: %v", ip, err)
		}
	}
	_, err := d.IPv4([]Wish{auto("auto"), fixed("new", "10.101.0.2")})
	var taken *TakenError
	if !errors.As(err, &taken) {
		t.Errorf("a chosen address of this run: %v", err)
	}
	got, err := d.IPv4([]Wish{fixed("x", "10.101.0.77"), fixed("y", "10.101.0.77"), auto("z")})
	if !errors.As(err, &taken) || taken.Container != "y" || taken.Owner != "x" || !got[2].IsValid() || got[1].IsValid() {
		t.Errorf("twice in one run: %v, %v", got, err)
	}
	for _, ip := range []string{"10.101.0.0", "10.101.255.255", "10.102.0.1", "fd42::5", "::"} {
		_, err := d.IPv4([]Wish{fixed("new", ip)})
		var outside *OutsideError
		if !errors.As(err, &outside) {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func TestSmallPrefixes(t *testing.T) {
	for prefix, want := range map[string]int{"10.0.0.1/32": 0, "10.0.0.0/31": 1, "10.0.0.1/30": 1, "10.0.0.1/29": 5, "255.255.255.254/30": 1} {
		d := New("0123abcd").Edit(host())
		got := 0
		for i := range 10 {
			w := auto(fmt.Sprint("c", i))
			w.Net.IPv4 = netip.MustParsePrefix(prefix)
			if _, err := d.IPv4([]Wish{w}); err == nil {
				got++
			} else if !errors.Is(err, ErrFull) {
				t.Error(err)
			}
		}
		if got != want {
			t.Errorf("%s has room for %d, want %d", prefix, got, want)
		}
	}
}

func TestExternalNetworkTakesAnyFixedAddress(t *testing.T) {
	d := New("0123abcd").Edit(host())
	w := fixed("a", "192.168.1.5")
	w.Net = Net{Name: "br0"}
	same(t, "fixed", give(t, d, w), "192.168.1.5")
	w.Container = "b"
	if _, err := d.IPv4([]Wish{w}); err == nil {
		t.Error("given twice")
	}
	w.IP = netip.Addr{}
	if _, err := d.IPv4([]Wish{w}); !errors.Is(err, ErrFull) {
		t.Errorf("chosen without a prefix: %v", err)
	}
}

func TestIPv6(t *testing.T) {
	d := New("0123abcd").Edit(host())
	links, err := d.Links([]Link{{"a", "eth0", "00:16:3e:01:02:03", false}, {"b", "eth0", "", false}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.IPv6([]Wish{auto("a"), auto("b")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "EUI-64", got[0].String(), "fd42::216:3eff:fe01:203")
	want, ok := EUI64(lan().IPv6, links[1].MAC)
	if !ok || got[1] != want {
		t.Errorf("%v, want %v", got[1], want)
	}
	if _, err := d.IPv6([]Wish{fixed("c", "fd42::216:3eff:fe01:203")}); err == nil {
		t.Error("given twice")
	}
	if _, err := d.IPv6([]Wish{fixed("c", "fd42::1")}); err == nil {
		t.Error("the host's address given away")
	}
	if _, err := d.Links([]Link{{"a", "eth0", "00:16:3e:01:02:04", false}}); err != nil {
		t.Fatal(err)
	}
	got, err = d.IPv6([]Wish{auto("a"), fixed("c", "fd42::216:3eff:fe01:203")})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "follows the MAC", got[0].String(), "fd42::216:3eff:fe01:204")
	if err := d.Ledger().Check(); err != nil {
		t.Error(err)
	}
}

func TestLinks(t *testing.T) {
	d := New("0123abcd").Edit(host())
	links := func(wishes ...Link) []NICEntry {
		t.Helper()
		got, err := d.Links(wishes)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := links(Link{"a", "eth0", "", false}, Link{"b", "eth0", "00-16-3E-AA-BB-CC", false})
	same(t, "as people write it", first[1].MAC, "00:16:3e:aa:bb:cc")
	if n := first[0]; !strings.HasPrefix(n.MAC, "02:") || len(n.MAC) != 17 || len(n.Device) != 13 || !strings.HasPrefix(n.Device, "vst") {
		t.Errorf("chosen %+v", n)
	}
	swapped := links(Link{"a", "eth0", "00:16:3e:aa:bb:cc", false}, Link{"b", "eth0", "02:00:00:00:00:01", false})
	if swapped[0].MAC != "00:16:3e:aa:bb:cc" || swapped[0].Device != first[0].Device {
		t.Errorf("handed over: %+v", swapped)
	}
	_, err := d.Links([]Link{{"c", "eth0", "02:00:00:00:00:01", false}})
	var taken *TakenError
	if !errors.As(err, &taken) || taken.Owner != "b" {
		t.Errorf("taken: %v", err)
	}
	for _, bad := range []string{"x", "01:00:00:00:00:00", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "02:0:00:00:00:001", "020000000001", "02:00:00:00:00"} {
		var badMAC *BadMACError
		if _, err := d.Links([]Link{{"c", "eth0", bad, false}}); !errors.As(err, &badMAC) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	chosen := links(Link{"p", "eth0", "", false})[0]
	if own := links(Link{"p", "eth0", "", true})[0]; own.MAC != "" || own.Device != "" || has(d.macs, chosen.MAC) || has(d.devices, chosen.Device) {
		t.Errorf("a device of the host has what was chosen, %+v", own)
	}
	if own := links(Link{"p", "eth0", "00:16:3e:00:00:07", true})[0]; own.MAC != "00:16:3e:00:00:07" || !own.FixedMAC || own.Device != "" {
		t.Errorf("a device of the host, with a written MAC: %+v", own)
	}
	same(t, "bridge", d.BridgeMAC("lan"), d.BridgeMAC("lan"))
	if _, err := d.Links([]Link{{"c", "eth0", d.BridgeMAC("lan"), false}}); !errors.As(err, &taken) || taken.Owner != "lan" {
		t.Errorf("the bridge's: %v", err)
	}
}

func TestInstallationsDiffer(t *testing.T) {
	a, b := New("00000001").Edit(host()), New("00000002").Edit(host())
	x, _ := a.Links([]Link{{"c", "eth0", "", false}})
	y, _ := b.Links([]Link{{"c", "eth0", "", false}})
	if x[0].Device == y[0].Device || x[0].MAC == y[0].MAC || a.BridgeMAC("n") == b.BridgeMAC("n") {
		t.Errorf("%+v and %+v", x[0], y[0])
	}
}

// TestProbing puts others where the hash leads.
func TestProbing(t *testing.T) {
	d := New("0123abcd").Edit(host())
	mac, device := d.macOf("nic", "c", "eth0"), d.deviceOf("c", "eth0")
	for try := range 3 {
		d.macs[mac(try)], d.devices[device(try)] = owner{"other", "x"}, owner{"other", "x"}
	}
	got, err := d.Links([]Link{{"c", "eth0", "", false}})
	if err != nil || got[0].MAC != mac(3) || got[0].Device != device(3) {
		t.Errorf("%+v, %v; want %s, %s", got, err, mac(3), device(3))
	}
}

func TestIDsAndLayers(t *testing.T) {
	h := host()
	h.Taken = []idmap.Range{{Base: 1048576, Size: 65536}}
	d := New("0123abcd").Edit(h)
	ids := func(name string, size uint32) string {
		t.Helper()
		r, err := d.IDs(name, size)
		if err != nil {
			t.Fatal(err)
		}
		return r.String()
	}
	same(t, "behind a foreign one", ids("a", 65536), "1114112:65536")
	same(t, "next", ids("b", 65536), "1179648:65536")
	same(t, "kept", ids("a", 65536), "1114112:65536")
	same(t, "larger", ids("a", 131072), "1245184:131072")
	same(t, "hole", ids("c", 65536), "1114112:65536")
	d.Forget("b")
	same(t, "freed", ids("d", 65536), "1179648:65536")
	if _, err := d.IDs("e", 1000000000); !errors.Is(err, idmap.ErrFull) {
		t.Error(err)
	}
	h.Pool = []idmap.Range{{Base: 1 << 30, Size: 65536}}
	d = d.Ledger().Edit(h)
	same(t, "kept in another pool", ids("a", 131072), "1245184:131072")
	d.Forget("a")
	same(t, "of the new pool", ids("f", 65536), "1073741824:65536")

	for want := 1; want < 3; want++ {
		if n := d.Layer("a"); n != want {
			t.Errorf("layer %d, want %d", n, want)
		}
	}
	d.Layers("a", []int{1})
	if n := d.Layer("a"); n != 3 {
		t.Errorf("layer %d after an old one was noted, want 3", n)
	}
	d.Layers("a", []int{7, 2})
	if n := d.Layer("a"); n != 8 {
		t.Errorf("layer %d after 7, want 8", n)
	}
	same(t, "uuid", d.UUID("a"), d.UUID("a"))
	old := d.UUID("a")
	d.Forget("a")
	if d.UUID("a") == old {
		t.Error("a namesake has its predecessor's uuid")
	}
}

func TestEditLeavesTheLedgerAlone(t *testing.T) {
	d := New("0123abcd").Edit(host())
	give(t, d, auto("a"))
	l := d.Ledger()
	before := string(l.Encode())
	e := l.Edit(host())
	give(t, e, fixed("a", "10.101.0.9"), auto("b"))
	e.ForgetNIC("a", "eth0")
	give(t, d, auto("c"))
	same(t, "ledger", string(l.Encode()), before)
}

func TestText(t *testing.T) {
	d := New("0123abcd").Edit(host())
	fill(t, d, "a", "b")
	l := d.Ledger()
	back, err := Decode(l.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	same(t, "again", string(back.Encode()), string(l.Encode()))
	for _, bad := range []string{"", "{}", "[]", `{"version":1}`} {
		if _, err := Decode([]byte(bad)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Decode([]byte(`{"version":2,"installation":"x"}`)); !errors.Is(err, ErrNewer) {
		t.Error(err)
	}
	twice := strings.ReplaceAll(string(l.Encode()), l.Containers["b"].NICs["eth0"].MAC, l.Containers["a"].NICs["eth0"].MAC)
	if _, err := Decode([]byte(twice)); !errors.Is(err, ErrDamaged) {
		t.Errorf("one MAC twice: %v", err)
	}
}

// fill makes all choices for containers.
func fill(t testing.TB, d *Draft, names ...string) {
	t.Helper()
	var links []Link
	var wishes []Wish
	for _, name := range names {
		d.UUID(name)
		if _, err := d.IDs(name, 65536); err != nil {
			t.Fatal(err)
		}
		if d.Entry(name).Writable == 0 {
			d.Layer(name)
		}
		links = append(links, Link{name, "eth0", "", false})
		wishes = append(wishes, auto(name))
	}
	_, err1 := d.Links(links)
	_, err2 := d.IPv4(wishes)
	_, err3 := d.IPv6(wishes)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
}

// TestProperties runs random histories: nothing is ever given twice, what was
// given stays, the ledger's way through text or another order of the wishes
// changes no choice.
func TestProperties(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		l := New("0123abcd")
		for range 30 {
			names := some(r)
			if r.IntN(4) == 0 {
				d := l.Edit(host())
				d.Forget(names[0])
				l = d.Ledger()
				continue
			}
			l = choose(t, r, l, names)
		}
	}
}

func some(r *rand.Rand) []string {
	var names []string
	for _, i := range r.Perm(20)[:1+r.IntN(10)] {
		names = append(names, fmt.Sprint("c", i))
	}
	return names
}

func choose(t *testing.T, r *rand.Rand, l Ledger, names []string) Ledger {
	t.Helper()
	d := l.Edit(host())
	for _, name := range names { // one by one, with an order of their own
		fill(t, d, name)
	}
	after := d.Ledger()
	for name, e := range l.Containers {
		if d := cmp.Diff(e, after.Containers[name], cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s changed: %s", name, d)
		}
	}
	back, err := Decode(after.Encode()) // checks that nothing is given twice
	if err != nil {
		t.Fatal(err)
	}
	at, shuffled := make([]Wish, len(names)), make([]Wish, len(names))
	for i, j := range r.Perm(len(names)) {
		at[i], shuffled[j] = auto(names[i]+"-new"), auto(names[i]+"-new")
	}
	if a, b := choices(t, l, at), choices(t, back.without(names, l), shuffled); a != b {
		t.Fatalf("order matters: %s and %s", a, b)
	}
	return back
}

// without is a ledger that went through more changes and back.
func (l Ledger) without(names []string, before Ledger) Ledger {
	d := l.Edit(Host{})
	for _, name := range names {
		if _, old := before.Containers[name]; !old {
			d.Forget(name)
		}
	}
	return d.Ledger()
}

func choices(t *testing.T, l Ledger, wishes []Wish) string {
	t.Helper()
	d := l.Edit(host())
	if _, err := d.IPv4(wishes); err != nil {
		t.Fatal(err)
	}
	return string(d.Ledger().Encode())
}

// TestTenThousand is far from quadratic, also when there are as many already.
func TestTenThousand(t *testing.T) {
	var names []string
	for i := range 10000 {
		names = append(names, fmt.Sprintf("c%05d", i))
	}
	start := time.Now()
	d := New("0123abcd").Edit(host())
	fill(t, d, names...)
	d = d.Ledger().Edit(host())
	fill(t, d, names...)
	for _, name := range names[:2000] {
		d.Forget(name)
	}
	fill(t, d, names[:2000]...)
	took := time.Since(start)
	if err := d.Ledger().Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%v", took)
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(New("0123abcd").Encode())
	f.Add([]byte(`{"version":1,"installation":"a","containers":{"c":{"nics":{"e":{"mac":"x","ipv4":{"n":{"ip":""}}}}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Decode(text)
		if err != nil {
			return
		}
		d := l.Edit(host())
		d.IPv4([]Wish{auto("c"), auto("d")})
		d.Forget("c")
		if _, err := Decode(d.Ledger().Encode()); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	})
}
