package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// readOnlyAt fails unless what is staged for the target shows text and can't
// be written to.
func (r *Roots) readOnlyAt(t *testing.T, target, file, text string) {
	t.Helper()
	path := filepath.Join(Staged(r.home("c1"), target), file)
	if got, err := os.ReadFile(path); err != nil || string(got) != text {
		t.Errorf("%s: %q, %v, want %q", target, got, err, text)
	}
	if err := os.WriteFile(path, nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("write to %s: %v", target, err)
	}
}

// staged is how many mounts are in the folder.
func (r *Roots) staged(t *testing.T) int {
	t.Helper()
	list, err := mounts(0)
	must(t, err)
	return len(list) - len(r.unstaged(list))
}

func TestStaged(t *testing.T) {
	r, state := ground(t)
	a, b := filepath.Join(state, "a"), filepath.Join(state, "b")
	for _, dir := range []string{a, b} {
		mkdir(t, dir)
		write(t, filepath.Join(dir, "f"), dir)
	}
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	root.Staged = []resource.Mount{{Target: "/x", Source: a, ReadOnly: true}, {Target: "/y", Source: a + "/f", ReadOnly: true}}
	mount(t, r, root)
	r.readOnlyAt(t, "/x", "f", a)
	r.readOnlyAt(t, "/y", "", a)
	before, _, err := mountID(unix.AT_FDCWD, Staged(r.home("c1"), "/x"))
	must(t, err)
	must(t, r.Mount(t.Context(), root))
	if after, _, err := mountID(unix.AT_FDCWD, Staged(r.home("c1"), "/x")); err != nil || after != before {
		t.Errorf("mounted again: %d, %d, %v", before, after, err)
	}

	// Other sources, one a folder now; another folder by the old name; one
	// mount less; one that somebody made writable.
	root.Staged[0].Source, root.Staged[1].Source = b, a
	must(t, r.Mount(t.Context(), root))
	r.readOnlyAt(t, "/x", "f", b)
	r.readOnlyAt(t, "/y", "f", a)
	must(t, os.Rename(b, b+".old"))
	mkdir(t, b)
	write(t, filepath.Join(b, "f"), "new")
	must(t, r.Mount(t.Context(), root))
	r.readOnlyAt(t, "/x", "f", "new")
	root.Staged = root.Staged[:1]
	must(t, unix.Mount("", Staged(r.home("c1"), "/x"), "", unix.MS_REMOUNT|unix.MS_BIND, ""))
	must(t, r.Mount(t.Context(), root))
	r.readOnlyAt(t, "/x", "f", "new")
	if n := r.staged(t); n != 1 {
		t.Errorf("%d are staged", n)
	}
	must(t, r.Unmount(t.Context(), "c1"))
	if _, err := os.Lstat(filepath.Join(r.home("c1"), staging)); !errors.Is(err, os.ErrNotExist) || r.staged(t) != 0 {
		t.Errorf("left behind: %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(b, "f")); err != nil || string(text) != "new" {
		t.Errorf("source: %q, %v", text, err)
	}
}

func TestStagedNothingAfterFailure(t *testing.T) {
	r, state := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	must(t, r.Prepare(t.Context(), root))
	root.Staged = []resource.Mount{{Target: "/x", Source: state}, {Target: "/y", Source: state + "/none"}}
	if err := r.Mount(t.Context(), root); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if n := r.staged(t); n != 0 {
		t.Errorf("%d are staged", n)
	}
	root.Staged, root.Writable = root.Staged[:1], []int{7}
	if err := r.Mount(t.Context(), root); !errors.Is(err, ErrNoLayer) {
		t.Error(err)
	}
	if n := r.staged(t); n != 0 {
		t.Errorf("%d are staged", n)
	}
}
