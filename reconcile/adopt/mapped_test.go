package adopt_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/adopt"
	"strake/reconcile/idmap"
	"strake/reconcile/resource"
)

func TestMapped(t *testing.T) {
	lines := []resource.Line{
		{Key: "lxc.idmap", Value: "u 0 5 5"}, {Key: "lxc.idmap", Value: ""}, // the end of all before it
		{Key: "lxc.idmap", Value: "u 0 100000 1000"}, {Key: "lxc.uts.name", Value: "u 0 1 1"}, {Key: "lxc.idmap", Value: "g 0 200000 10"},
		{Key: "lxc.idmap", Value: "u 0 4294967295 10"}, {Key: "lxc.idmap", Value: "nonsense"},
	}
	want := []idmap.Range{{Base: 100000, Size: 1000}, {Base: 200000, Size: 10}}
	if diff := cmp.Diff(want, adopt.Mapped(lines)); diff != "" {
		t.Error(diff)
	}
}
