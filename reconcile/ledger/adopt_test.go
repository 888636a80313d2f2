package ledger

import (
	"errors"
	"net/netip"
	"testing"

	"strake/reconcile/idmap"
)

// TestAdopt: what a container came with is kept from others, but for ids that
// another one came with too.
func TestAdopt(t *testing.T) {
	pool := Host{Pool: []idmap.Range{{Base: 65536, Size: 4 * 65536}}, UUID: func() string { return "u" }}
	d := New("00000000").Edit(pool)
	old := Entry{
		Brought: []idmap.Range{{Base: 65536, Size: 65536}},
		NICs: map[string]NICEntry{"eth0": {
			MAC: "4a:00:00:00:00:01", FixedMAC: true, Loose: true,
			IPv4: map[string]Address{"lan": {IP: netip.MustParseAddr("10.101.0.2"), Fixed: true}},
		}},
	}
	if err := d.Adopt("old", old); err != nil {
		t.Fatal(err)
	}
	if err := d.Adopt("twin", Entry{Brought: old.Brought}); err != nil {
		t.Fatal(err)
	}
	d = d.Ledger().Edit(pool) // as the next run reads it
	r, err := d.IDs("new", 65536)
	if err != nil || r.Overlaps(old.Brought[0]) {
		t.Errorf("new has ids %v, %v", r, err)
	}
	if have := give(t, d, auto("new")); have == "10.101.0.2" {
		t.Errorf("new has the address of old: %s", have)
	}
	var taken *TakenError
	if _, err := d.Links([]Link{{"new", "eth0", "4a:00:00:00:00:01", false}}); !errors.As(err, &taken) {
		t.Errorf("the MAC of old: %v", err)
	}
	if err := d.Adopt("third", old); !errors.As(err, &taken) {
		t.Errorf("what old has, taken over once more: %v", err)
	}
	if err := d.Ledger().Check(); err != nil {
		t.Error(err)
	}
}

// TestLoose: LXC makes up what an interface lacks, until strake has to know it.
func TestLoose(t *testing.T) {
	d := New("00000000").Edit(host())
	if err := d.Adopt("old", Entry{NICs: map[string]NICEntry{"eth0": {Loose: true, Device: "vold"}}}); err != nil {
		t.Fatal(err)
	}
	link := []Link{{Container: "old", NIC: "eth0"}}
	if n, err := d.Links(link); err != nil || n[0].MAC != "" || n[0].Device != "vold" {
		t.Errorf("%+v, %v", n, err)
	}
	d.Firm("old", "eth0")
	if n, err := d.Links(link); err != nil || n[0].MAC == "" || n[0].Device != "vold" {
		t.Errorf("%+v, %v", n, err)
	}
}
