package rootfs

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// TestDiffer: what is listed is what differs between the two trees as they show, whatever
// was done in layers that one of them has, or both.
func TestDiffer(t *testing.T) {
	for seed := range uint64(16) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, _ := ground(t)
			e := editor{t, rand.New(rand.NewPCG(seed, 1)), r.images(digest), 0}
			for range 30 {
				e.once()
			}
			root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
			e.root, e.base = r.Path("c1"), int(root.IDMap.Base)
			stacks := [][]int{nil, {1}, {2, 1}, {3, 2, 1}, {4, 2, 1}, {5, 1}}
			shows := []map[string]unix.Stat_t{shown(t, r.images(digest))}
			for _, root.Writable = range stacks[1:] {
				mount(t, r, root)
				for range 1 + e.r.IntN(40) {
					e.once()
				}
				shows = append(shows, shown(t, e.root))
				must(t, r.Unmount(t.Context(), "c1"))
			}
			for i := range stacks {
				for j := range stacks {
					if i == 0 != (j == 0) {
						continue // seen from the image its owners are others
					}
					from, to := root, root
					from.Writable, to.Writable = stacks[i], stacks[j]
					list, err := r.Differ(t.Context(), from, to)
					must(t, err)
					have := map[string]string{}
					for _, c := range list {
						have[c.How+" "+c.Path] = ""
					}
					got, want := slices.Sorted(maps.Keys(have)), differences(shows[i], shows[j])
					if diff := cmp.Diff(want, got); diff != "" || len(list) != len(want) {
						t.Errorf("from %v to %v:\n%s", stacks[i], stacks[j], diff)
					}
				}
			}
		})
	}
}

// shown is what there is in a tree, by path; folders end with a slash.
func shown(t *testing.T, root string) map[string]unix.Stat_t {
	t.Helper()
	all := map[string]unix.Stat_t{}
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil {
			err = unix.Lstat(path, &st)
		}
		name := strings.TrimPrefix(path, root)
		if err == nil && name != "" {
			if d.IsDir() {
				name += "/"
			}
			all[name] = st
		}
		return err
	}))
	return all
}

func differences(a, b map[string]unix.Stat_t) (list []string) {
	for name, x := range a {
		switch y, ok := b[name]; {
		case !ok:
			list = append(list, "removed "+name)
		case !sameOwner(x, y), !strings.HasSuffix(name, "/") && (x.Rdev != y.Rdev || x.Size != y.Size || x.Mtim != y.Mtim):
			list = append(list, "changed "+name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			list = append(list, "added "+name)
		}
	}
	slices.Sort(list)
	return list
}
