package hosttest

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"strake/reconcile/resource"
)

// conformFiles writes, reads back, puts aside, takes away and puts back.
func (m Machine) conformFiles(t *testing.T, c resource.Container) {
	set := resource.FileSet{
		Root: resource.RootOf(c), Init: m.live(t, c.Name).Init,
		Files: []resource.File{
			{Path: "/etc/made/one", Content: "1\n", Mode: "0640", Owner: "root:root"},
			resource.File{Path: "/etc/made/long", Mode: "0644", Owner: "7:8"}.Holding(long),
		},
		Reveal: func(digest string) ([]byte, error) {
			if digest != resource.ContentDigest(long) {
				return nil, errors.New("another content")
			}
			return long, nil
		},
	}
	both := []string{"/etc/made/one", "/etc/made/long"}
	write := func(set resource.FileSet, want ...string) {
		t.Helper()
		changed, err := m.Roots.SetFiles(ctx, set)
		if err != nil || !slices.Equal(changed, want) {
			t.Fatalf("written: %q, %v, want %q", changed, err, want)
		}
	}
	lies := func(want ...resource.File) {
		t.Helper()
		have, err := m.Roots.Files(set.Init, c.Name, c.IDMap, set.Files)
		if err != nil || !slices.Equal(have, want) {
			t.Fatalf("there are %+v, %v, want %+v", have, err, want)
		}
	}
	aside := filepath.Join(t.TempDir(), "kept")
	none, err := m.Roots.RestoreFiles(set.Root, aside)
	if err != nil || len(none) > 0 {
		t.Fatalf("restored what was never kept: %q, %v", none, err)
	}
	lies()
	write(set, both...)
	write(set)
	lies(set.Files...)
	does(t, "keep", m.Roots.KeepFiles(c.Name, both, aside))
	other := set
	other.Files = []resource.File{{Path: both[0], Content: "2\n", Mode: "0600", Owner: "root:root"}}
	other.Gone = both[1:]
	write(other, both...)
	lies(other.Files...)
	does(t, "keep again", m.Roots.KeepFiles(c.Name, both, aside))
	if back, err := m.Roots.RestoreFiles(set.Root, aside); err != nil || len(back) != 2 {
		t.Fatalf("restored %q, %v", back, err)
	}
	lies(set.Files...)
	other.Files, other.Gone = nil, both
	write(other, both...)
	write(other)
	lies()
	set.Root.Container = "nobody"
	_, err = m.Roots.SetFiles(ctx, set)
	refuses(t, "write into a root that is not mounted", err, resource.ErrNotMounted)
}

// long is content that records know by its digest.
var long = slices.Repeat([]byte("0123456789abcde\n"), 2000)
