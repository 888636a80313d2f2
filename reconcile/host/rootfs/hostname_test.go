package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"strake/reconcile/resource"
)

// TestHostnameFile: a name that the image brings along would be given to the
// container at each boot.
func TestHostnameFile(t *testing.T) {
	r, _ := ground(t)
	image := r.images(digest)
	mkdir(t, filepath.Join(image, "etc"))
	write(t, filepath.Join(image, "etc/hostname"), "builder\n")
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	file := filepath.Join(r.Path("c1"), "etc/hostname")
	for _, name := range []string{"web", "web", "other"} {
		if err := r.SetHostnameFile("c1", root.IDMap, name); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != name+"\n" {
			t.Errorf("%v: %q, want %s", err, text, name)
		}
	}

	for kind, make := range map[string]func() error{
		"none":   func() error { return nil },
		"a link": func() error { return os.Symlink("/etc/passwd", file) },
	} {
		if err := errors.Join(os.Remove(file), make()); err != nil {
			t.Fatal(err)
		}
		if err := r.SetHostnameFile("c1", root.IDMap, "web"); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			t.Errorf("%s became a file", kind)
		}
		_ = os.Symlink("x", file) // something for the next round to remove
	}
	if err := r.SetHostnameFile("c2", root.IDMap, "web"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("not mounted: %v", err)
	}
}
