package image

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// keptLayer is a store with one layer in it, as a build leaves it.
func keptLayer(t *testing.T) (*Layers, string) {
	t.Helper()
	l, err := OpenLayers(filepath.Join(t.TempDir(), "layers"))
	must(t, err)
	recipe := resource.Recipe{Parent: "sha256-x", System: resource.System{Run: []string{"true"}}}
	key := recipe.Key()
	unlock, err := l.Lock(key)
	must(t, err)
	defer unlock()
	tree, log := filepath.Join(l.store.dir, "..", "upper"), filepath.Join(l.store.dir, "..", "log")
	for _, dir := range []string{"etc", "var/lib/apt/lists", "var/log", "run", "usr/sbin", "hidden"} {
		must(t, os.MkdirAll(filepath.Join(tree, dir), 0o755))
	}
	for _, name := range []string{"etc/made", "etc/resolv.conf", "usr/sbin/policy-rc.d", "var/lib/apt/lists/x", "run/x", "var/log/dnf.rpm.log", "var/log/own.log"} {
		must(t, os.WriteFile(filepath.Join(tree, name), []byte("x"), 0o644))
	}
	must(t, unix.Mknod(filepath.Join(tree, "etc/gone"), unix.S_IFCHR, 0))
	must(t, unix.Setxattr(filepath.Join(tree, "hidden"), "trusted.overlay.opaque", []byte("y"), 0))
	must(t, os.WriteFile(log, []byte("$ true\n"), 0o600))
	must(t, l.Keep(t.Context(), resource.Layer{Key: key, Recipe: recipe}, tree, log))
	return l, key
}

func TestLayerKept(t *testing.T) {
	l, key := keptLayer(t)
	if !l.Has(key) {
		t.Fatal("it is not there")
	}
	must(t, l.Verify(t.Context(), key))
	for name, want := range map[string]bool{
		"etc/made": true, "etc/gone": true, "hidden": true, "var/lib/apt/lists": true,
		"etc/resolv.conf": false, "usr/sbin/policy-rc.d": false, "var/lib/apt/lists/x": false, "run/x": false,
		"var/log/dnf.rpm.log": false, "var/log/own.log": true, "../build.log": true,
	} {
		if _, err := os.Lstat(filepath.Join(l.Path(key), name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if st := stat(t, l.store.dir); st.Mode&0o777 != 0o700 {
		t.Errorf("the store has mode %o", st.Mode&0o777)
	}
	list, err := l.List()
	if err != nil || len(list) != 1 || list[0].Key != key {
		t.Errorf("list: %+v, %v", list, err)
	}
	must(t, l.Remove(key))
	if l.Has(key) {
		t.Error("it is there still")
	}
}

// TestLayerDamage: whatever changes what a container would see is found.
func TestLayerDamage(t *testing.T) {
	for name, damage := range map[string]func(tree string) error{
		"content":     func(tree string) error { return os.WriteFile(tree+"/etc/made", []byte("y"), 0o644) },
		"mode":        func(tree string) error { return os.Chmod(tree+"/etc/made", 0o600) },
		"owner":       func(tree string) error { return os.Chown(tree+"/etc/made", 7, 7) },
		"loss":        func(tree string) error { return os.Remove(tree + "/etc/made") },
		"addition":    func(tree string) error { return os.WriteFile(tree+"/etc/more", nil, 0o644) },
		"no whiteout": func(tree string) error { return os.Remove(tree + "/etc/gone") },
		"not opaque":  func(tree string) error { return unix.Removexattr(tree+"/hidden", "trusted.overlay.opaque") },
		"record":      func(tree string) error { return os.WriteFile(tree+"/../layer.json", []byte("{}"), 0o600) },
	} {
		l, key := keptLayer(t)
		must(t, damage(l.Path(key)))
		if err := l.Verify(t.Context(), key); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, l.Reject(key))
		aside, err := l.Rejected()
		if err != nil || len(aside) != 1 || l.Has(key) {
			t.Errorf("%s: rejected: %v, %v", name, aside, err)
		}
		for folder, was := range aside {
			if was != key {
				t.Errorf("%s: rejected as %s", name, was)
			}
			must(t, l.RemoveRejected(folder))
		}
	}
}
