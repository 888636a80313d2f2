package rootfs

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// aged is the same state folder on a kernel without id-mapped mounts.
func aged(r *Roots) *Roots {
	return Open(Options{State: r.state, Images: r.images, Layers: r.layers, Copies: true})
}

// TestCopiesShowTheSame: whatever is in the layers, a container sees the same
// on a kernel without id-mapped mounts, back on one with, with other ids, and
// where the way between two of these is cut short anywhere.
func TestCopiesShowTheSame(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r, _ := ground(t)
			rnd := rand.New(rand.NewPCG(seed, 2))
			e := editor{t, rnd, r.images(digest), 0}
			for range 40 {
				e.once()
			}
			root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
			e.root, e.base = r.Path("c1"), 1_000_000
			for n := 1; n <= 2; n++ {
				root.Writable = append([]int{n}, root.Writable...)
				mount(t, r, root)
				for range 80 {
					e.once()
				}
				want := picture(t, e.root)
				must(t, r.Unmount(t.Context(), "c1"))
				for _, way := range []struct {
					r    *Roots
					base uint32
				}{{aged(r), 1_000_000}, {aged(r), 3_000_000}, {r, 3_000_000}, {aged(r), 1_000_000}, {r, 1_000_000}} {
					root.IDMap = ids(way.base)
					e.cutShort(way.r, root)
					mount(t, way.r, root)
					if got := inside0(picture(t, e.root), way.base); got != inside0(want, 1_000_000) {
						t.Errorf("with ids from %d (copies: %v) it is\n%s\nand was\n%s", way.base, way.r.unmapped, got, want)
					}
					must(t, way.r.Unmount(t.Context(), "c1"))
				}
			}
		})
	}
}

// inside0 is a picture with the ids that the container sees.
func inside0(picture string, base uint32) string {
	picture = owners.ReplaceAllStringFunc(picture, func(s string) string {
		var uid, gid uint32
		_, _ = fmt.Sscanf(s, " %d:%d ", &uid, &gid)
		return fmt.Sprintf(" %d:%d ", seen(uid, base), seen(gid, base))
	})
	for id := range uint32(2) {
		picture = strings.ReplaceAll(picture, hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, base+id)), fmt.Sprintf("<%d>", id))
	}
	// What the host's root made, as no container can, is nobody's either way.
	picture = strings.ReplaceAll(picture, "0100000200200000000000000000000000000000", "<nobody's>")
	return strings.ReplaceAll(picture, "010000030020000000000000000000000000000000ffffff", "<nobody's>")
}

var owners = regexp.MustCompile(` \d+:\d+ `)

// seen is what an id is inside.
func seen(id, base uint32) uint32 {
	if id >= base && id-base < 65536 {
		return id - base
	}
	return overflow
}

// cutShort begins to change the layers' ids, as a killed strake leaves it.
func (e editor) cutShort(r *Roots, root resource.Root) {
	e.t.Helper()
	place := r.writable("c1")
	want := r.formOf(root.IDMap)
	have, err := forms(place)
	must(e.t, err)
	if have == nil {
		have = []form{{0, want.size}}
	}
	if have[0].base == want.base {
		return
	}
	must(e.t, setForms(place, append(have, want)))
	s := shifter{translation{from: have, to: want}}
	err = filepath.WalkDir(filepath.Join(place, "1", "upper"), func(path string, _ os.DirEntry, err error) error {
		if err != nil || e.r.IntN(2) == 0 {
			return err
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		must(e.t, err)
		f := os.NewFile(uintptr(fd), path)
		defer f.Close()
		var st unix.Stat_t
		must(e.t, unix.Fstat(fd, &st))
		if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFLNK {
			_, err = s.keep(procPath(f), st)
		}
		return errors.Join(err, s.own(f, st))
	})
	must(e.t, err)
}

// TestCopiesGo: a copy stays for as long as a generation that is kept needs it, or
// what is mounted.
func TestCopiesGo(t *testing.T) {
	r, _ := ground(t)
	old := aged(r)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	other := root
	other.IDMap = ids(2_000_000)
	mount(t, old, root)
	must(t, old.Prepare(t.Context(), other))
	left := func(r *Roots, want int, kept ...resource.Root) {
		t.Helper()
		if list, err := r.Leftovers("c1", 0, kept); err != nil || len(list) != want {
			t.Errorf("left over: %v, %v", list, err)
		}
	}
	left(old, 0, root, other)
	left(old, 1, root)
	left(old, 1)
	left(r, 1, root, other) // mounted on another kernel, as it were
	must(t, old.Unmount(t.Context(), "c1"))
	left(r, 2, root, other)
	left(old, 2)
	must(t, old.Sweep("c1", 0, []resource.Root{other}))
	left(old, 0, root, other)
	mount(t, old, root) // makes it again
	wantOwner(t, filepath.Join(old.Path("c1"), "home/file"), 1_001_000)
}

// TestCopiesRefuse: ids that overlap could be mistaken for one another.
func TestCopiesRefuse(t *testing.T) {
	r, _ := ground(t)
	old := aged(r)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, old, root)
	must(t, old.Unmount(t.Context(), "c1"))
	root.IDMap = ids(1_000_100)
	if err := old.Mount(context.Background(), root); !errors.Is(err, ErrOverlap) {
		t.Errorf("overlapping ids: %v", err)
	}
	have, err := forms(old.writable("c1"))
	if err != nil || !slices.Equal(have, []form{{1_000_000, 65536}}) {
		t.Errorf("after that: %v, %v", have, err)
	}
}

// TestCopiesArePrivileged: a privileged container needs none.
func TestCopiesArePrivileged(t *testing.T) {
	r, _ := ground(t)
	old := aged(r)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: resource.IDMap{Privileged: true}}
	mount(t, old, root)
	wantOwner(t, filepath.Join(old.Path("c1"), "home/file"), 1000)
	must(t, old.Unmount(t.Context(), "c1"))
	root.IDMap = ids(1_000_000) // and becomes an unprivileged one
	mount(t, old, root)
	wantOwner(t, filepath.Join(old.Path("c1"), "home/file"), 1_001_000)
	wantOwner(t, old.Path("c1"), 1_000_000)
}
