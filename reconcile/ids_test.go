package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/host/hosttest"
	"strake/reconcile/resource"
)

// TestFreeIDs: what LXD and others gave their containers is not given once more,
// and one that was given everything leaves room.
func TestFreeIDs(t *testing.T) {
	maps := func(values ...string) []resource.Line {
		var lines []resource.Line
		for _, v := range values {
			lines = append(lines, resource.Line{Key: "lxc.idmap", Value: v})
		}
		return lines
	}
	for _, c := range []struct {
		name   string
		others [][]resource.Line
		free   uint32
	}{
		{"none", nil, 1000000},
		{"all of root's", [][]resource.Line{maps("u 0 1000000 1000000000", "g 0 1000000 1000000000")}, 1065536},
		{"all with a hole", [][]resource.Line{maps("u 0 1000000 1000", "u 1000 1000 1", "u 1001 1001001 999998999", "g 0 1000000 1000000000")}, 1066537},
		{"isolated", [][]resource.Line{maps("u 0 1000000 65536", "g 0 1000000 65536"), maps("u 0 1065536 200000", "g 0 1065536 200000")}, 1265536},
		{"other ids", [][]resource.Line{maps("u 0 100000 65536", "g 0 100000 65536")}, 1000000},
	} {
		t.Run(c.name, func(t *testing.T) {
			host := hosttest.New()
			host.Others = c.others
			e := Engine{Host: Host{Containers: host, Subids: host}}
			room, err := e.freeIDs(scene{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.free, room[0].Base); diff != "" {
				t.Error(diff)
			}
		})
	}
}
