package netdev

import (
	"errors"
	"reflect"
	"testing"

	"strake/reconcile/resource"
)

// TestVLAN: where the kernel has it, a port is in the VLAN that it is given and
// in no other; where it has not, that is said before anything is made.
func TestVLAN(t *testing.T) {
	d := open(t)
	w := network(t, d, web())
	pid, n := namespace(t), eth0("sttvlan")
	n.VLAN = 7
	if err := d.Tags(t.Context(), w); errors.Is(err, resource.ErrNoVLAN) {
		if err := d.AddNIC(t.Context(), pid, n); !errors.Is(err, resource.ErrNoVLAN) {
			t.Errorf("add: %v, want ErrNoVLAN", err)
		}
		if list := nics(t, d, pid, n); len(list) > 0 {
			t.Errorf("left behind: %+v", list)
		}
		return
	} else if err != nil {
		t.Fatal(err)
	}
	check(t, d.AddNIC(t.Context(), pid, n))
	expectNIC(t, d, pid, n)
	run(t, "bridge", "vlan", "add", "vid", "9", "dev", n.Device)
	if list := nics(t, d, pid, n); list[0].VLAN != oddVLAN {
		t.Errorf("with another VLAN: %+v", list)
	}
	without := n
	without.VLAN = 0
	for _, to := range []resource.NIC{n, without, n} {
		check(t, d.ChangeNIC(t.Context(), pid, n, to))
		expectNIC(t, d, pid, to)
	}
}

// TestMemberships: an answer of the kernel, with one VLAN and a range.
func TestMemberships(t *testing.T) {
	got, err := parseMemberships([]byte{
		12, 0, 1, 0x80, 8, 0, 1, 0, 6, 0, 7, 0, // pvid and untagged, 7
		20, 0, 1, 0x80, 8, 0, 1, 0, 0, 0, 20, 0, 6, 0, 2, 0, 22, 0, 0, 0, // 20 to 22
	})
	want := []membership{{6, 7}, {0, 20}, {0, 21}, {0, 22}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if !got[0].is(7) || got[1].is(20) {
		t.Errorf("%v", got)
	}
	if _, err := parseMemberships([]byte{12, 0, 1, 0x80, 99, 0, 1, 0, 6, 0, 7, 0}); err == nil {
		t.Error("an attribute longer than its entry is taken")
	}
}
