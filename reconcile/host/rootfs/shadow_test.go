package rootfs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"strake/reconcile/resource"
)

// TestShadowed: a container's own files hide those of a new system layer; so does a
// folder that it removed and made anew.
func TestShadowed(t *testing.T) {
	r, state := ground(t)
	r.layers = func(key string) string { return filepath.Join(state, "layers", key) }
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	in := r.Path("c1")
	write(t, filepath.Join(in, "etc/hostname"), "own\n")
	write(t, filepath.Join(in, "etc/other"), "own\n")
	must(t, os.Remove(filepath.Join(in, "root")))
	must(t, os.RemoveAll(filepath.Join(in, "home")))
	mkdir(t, filepath.Join(in, "home"))
	for _, name := range []string{"etc/hostname", "etc/new", "home/tool", "root/file", "tmp/file"} {
		mkdir(t, filepath.Join(r.layers("k"), filepath.Dir(name)))
		write(t, filepath.Join(r.layers("k"), name), "layer's\n")
	}
	list, err := r.Shadowed(t.Context(), root, []string{"k"})
	if want := []string{"/etc/hostname", "/home", "/root"}; err != nil || !slices.Equal(list, want) {
		t.Errorf("shadowed are %v, %v, want %v", list, err, want)
	}
}
