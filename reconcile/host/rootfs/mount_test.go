package rootfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

var digest = "sha256-" + strings.Repeat("ab", 32)

// ground is a state folder with one image.
func ground(t testing.TB) (*Roots, string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root")
	}
	state := t.TempDir()
	open(t, state)
	image := filepath.Join(state, "images", digest, "rootfs")
	for _, dir := range []string{"etc", "tmp", "home", "root"} {
		mkdir(t, filepath.Join(image, dir))
	}
	chmod(t, image, 0o755)
	write(t, filepath.Join(image, "etc/hostname"), "image\n")
	write(t, filepath.Join(image, "home/file"), "by 1000\n")
	chown(t, filepath.Join(image, "home/file"), 1000)
	r := Open(Options{State: state, Images: func(d string) string { return filepath.Join(state, "images", d, "rootfs") }, Copies: os.Getenv("STRAKE_TEST_COPIES") != ""})
	t.Cleanup(func() {
		all, err := r.All()
		if err != nil {
			t.Error(err)
		}
		for name := range all {
			if err := r.Unmount(context.Background(), name); err != nil {
				t.Error(err)
			}
		}
	})
	return r, state
}

func chmod(t testing.TB, path string, mode uint32) {
	t.Helper()
	if err := unix.Chmod(path, mode); err != nil {
		t.Fatal(path, err)
	}
}

func chown(t testing.TB, path string, id int) {
	t.Helper()
	if err := os.Lchown(path, id, id); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func owner(t testing.TB, path string) (uid, gid uint32) {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		t.Fatal(path, err)
	}
	return st.Uid, st.Gid
}

func wantOwner(t testing.TB, path string, id uint32) {
	t.Helper()
	if uid, gid := owner(t, path); uid != id || gid != id {
		t.Errorf("%s belongs to %d:%d, want %d", path, uid, gid, id)
	}
}

func mount(t testing.TB, r *Roots, root resource.Root) {
	t.Helper()
	if err := r.Prepare(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if err := r.Mount(t.Context(), root); err != nil {
		t.Fatal(err)
	}
}

func ids(base uint32) resource.IDMap { return resource.IDMap{Base: base, Size: 65536} }

func TestMountMapsIDs(t *testing.T) {
	r, _ := ground(t)
	const base = 1_000_000
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(base)}
	mount(t, r, root)
	wantOwner(t, r.Path("c1"), base)
	wantOwner(t, filepath.Join(r.Path("c1"), "etc/hostname"), base)
	wantOwner(t, filepath.Join(r.Path("c1"), "home/file"), base+1000)

	// A process of the container makes a file and changes one of the image.
	as(t, base, func() {
		write(t, filepath.Join(r.Path("c1"), "root/mine"), "x")
		write(t, filepath.Join(r.Path("c1"), "etc/hostname"), "changed\n")
	})
	wantOwner(t, filepath.Join(r.Path("c1"), "root/mine"), base)
	upper := filepath.Join(r.layer("c1", 1), "upper")
	wantOwner(t, filepath.Join(upper, "root/mine"), 0)
	wantOwner(t, filepath.Join(upper, "etc/hostname"), 0)
	if got := read(t, filepath.Join(r.images(digest), "etc/hostname")); got != "image\n" {
		t.Errorf("the image changed: %q", got)
	}
	// And one of its ordinary users.
	chown(t, filepath.Join(r.Path("c1"), "home"), base+1000)
	as(t, base+1000, func() { write(t, filepath.Join(r.Path("c1"), "home/two"), "y") })
	wantOwner(t, filepath.Join(upper, "home/two"), 1000)
}

// as does f with the ids of a process of the container.
func as(t *testing.T, id int, f func()) {
	t.Helper()
	done := make(chan bool)
	go func() {
		defer close(done)
		lockAs(id)
		f()
	}()
	<-done
}

func TestMountTwiceIsNothing(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	before := read(t, "/proc/self/mountinfo")
	mount(t, r, root)
	if after := read(t, "/proc/self/mountinfo"); after != before {
		t.Errorf("mounted again:\n%s", after)
	}
	other := root
	other.IDMap = ids(2_000_000)
	if err := r.Mount(t.Context(), other); !errors.Is(err, ErrMounted) {
		t.Errorf("another range over it: %v", err)
	}
	if err := r.Unmount(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	if err := r.Unmount(t.Context(), "c1"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("second unmount: %v", err)
	}
	if err := r.Unmount(t.Context(), "nobody"); !errors.Is(err, ErrNotMounted) {
		t.Errorf("unmount of nobody: %v", err)
	}
}

func TestMountLeavesOthersAlone(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	if err := r.Prepare(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("else", r.Path("c1"), "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(r.Path("c1"), unix.MNT_DETACH) })
	if err := r.Mount(t.Context(), root); !errors.Is(err, ErrMounted) {
		t.Errorf("mount: %v", err)
	}
	if err := r.Unmount(t.Context(), "c1"); !errors.Is(err, ErrMounted) {
		t.Errorf("unmount: %v", err)
	}
	if _, _, err := r.Mounted("c1"); !errors.Is(err, ErrMounted) {
		t.Errorf("mounted: %v", err)
	}
}

func TestLayersStack(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	write(t, filepath.Join(r.Path("c1"), "root/one"), "1")
	chmod(t, r.Path("c1"), 0o750)
	if err := r.Unmount(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	// Another range, also larger: the layer fits as it is.
	root.Writable, root.IDMap = []int{2, 1}, resource.IDMap{Base: 3_000_000, Size: 200_000}
	mount(t, r, root)
	write(t, filepath.Join(r.Path("c1"), "root/two"), "2")
	if got := read(t, filepath.Join(r.Path("c1"), "root/one")); got != "1" {
		t.Errorf("layer 1: %q", got)
	}
	if st, err := os.Stat(r.Path("c1")); err != nil || st.Mode().Perm() != 0o750 {
		t.Errorf("mode of / is %v, %v", st.Mode(), err)
	}
	wantOwner(t, filepath.Join(r.Path("c1"), "root/../etc"), 3_000_000)
	if _, err := os.Stat(filepath.Join(r.layer("c1", 1), "upper/root/two")); err == nil {
		t.Error("the older layer was written to")
	}
	got, ok, err := r.Mounted("c1")
	if err != nil || !ok || !reflect.DeepEqual(got, root) {
		t.Errorf("mounted %+v, %v, %v", got, ok, err)
	}
	root.Writable = []int{4, 3, 1}
	if err := r.Prepare(t.Context(), root); !errors.Is(err, ErrNoLayer) {
		t.Errorf("a lost layer: %v", err)
	}
}

func TestPrivileged(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	if err := r.Unmount(t.Context(), "c1"); err != nil {
		t.Fatal(err)
	}
	root.IDMap = resource.IDMap{Privileged: true}
	mount(t, r, root)
	wantOwner(t, filepath.Join(r.Path("c1"), "home/file"), 1000)
	write(t, filepath.Join(r.Path("c1"), "root/mine"), "x")
	wantOwner(t, filepath.Join(r.layer("c1", 1), "upper/root/mine"), 0)
	if got, ok, err := r.Mounted("c1"); err != nil || !ok || !reflect.DeepEqual(got, root) {
		t.Errorf("mounted %+v, %v, %v", got, ok, err)
	}
}

func TestManyLayers(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, IDMap: ids(1_000_000)}
	stack := func(from, to int) {
		for n := from; n <= to; n++ {
			mkdir(t, filepath.Join(r.layer("c1", n), "upper"))
			root.Writable = append([]int{n}, root.Writable...)
		}
	}
	stack(1, 200)
	mount(t, r, root)
	if got, ok, err := r.Mounted("c1"); err != nil || !ok || !reflect.DeepEqual(got, root) {
		t.Errorf("mounted %+v, %v, %v", got, ok, err)
	}
	must(t, r.Unmount(t.Context(), "c1"))
	stack(201, 1000)
	if err := r.Mount(t.Context(), root); !errors.Is(err, ErrTooMany) {
		t.Errorf("1000 layers: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	r, state := ground(t)
	before := strings.Count(read(t, "/proc/self/mountinfo"), "\n")
	var group sync.WaitGroup
	for i := range 30 {
		root := resource.Root{Container: fmt.Sprintf("c%d", i), Digest: digest, Writable: []int{1}, IDMap: ids(uint32(1_000_000 + 65536*(i%20)))}
		for range 2 { // two of the same: one does it, the other finds it done
			group.Go(func() {
				if err := r.Prepare(t.Context(), root); err != nil {
					t.Error(err)
					return
				}
				if err := r.Mount(t.Context(), root); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	all, err := r.All()
	if err != nil || len(all) != 30 {
		t.Errorf("%d are mounted, %v", len(all), err)
	}
	if after := strings.Count(read(t, "/proc/self/mountinfo"), "\n"); after != before+30 {
		t.Errorf("%d more mounts than before, want 30", after-before)
	}
	for name, root := range all {
		wantOwner(t, filepath.Join(r.Path(name), "etc"), root.IDMap.Base)
	}
	left, _ := os.ReadDir(state)
	if len(left) != 2 {
		t.Errorf("left in the state folder: %v", left)
	}
}

// TestOthersCannotReachLayers: set-uid files in them are the host's own.
func TestOthersCannotReachLayers(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	if st, err := os.Stat(r.writable("c1")); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("the folder of layers: %v, %v", st.Mode(), err)
	}
	as(t, 4242, func() {
		if _, err := os.Stat(filepath.Join(r.Path("c1"), "etc/hostname")); err != nil {
			t.Errorf("the container's own path is shut: %v", err)
		}
		if _, err := os.Stat(filepath.Join(r.layer("c1", 1), "upper")); !errors.Is(err, os.ErrPermission) {
			t.Errorf("the layer is open to others: %v", err)
		}
	})
}

// open lets others pass through the folders around a test's.
func open(t testing.TB, path string) {
	for ; path != os.TempDir() && path != "/"; path = filepath.Dir(path) {
		chmod(t, path, 0o711)
	}
}

func TestRefusals(t *testing.T) {
	r, _ := ground(t)
	good := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	for name, change := range map[string]func(*resource.Root){
		"name":   func(g *resource.Root) { g.Container = "../c1" },
		"digest": func(g *resource.Root) { g.Digest = "sha256-../../x" },
		"layers": func(g *resource.Root) { g.Writable = nil },
		"range":  func(g *resource.Root) { g.IDMap = resource.IDMap{} },
		"image":  func(g *resource.Root) { g.Digest = "sha256-" + strings.Repeat("0", 64) },
	} {
		root := good
		change(&root)
		if err := errors.Join(r.Prepare(t.Context(), root), r.Mount(t.Context(), root)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func BenchmarkMount(b *testing.B) {
	r, _ := ground(b)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	if err := r.Prepare(b.Context(), root); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := r.Mount(b.Context(), root); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := r.Unmount(b.Context(), "c1"); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkUserNamespace(b *testing.B) {
	for b.Loop() {
		f, err := newSpace(ids(1_000_000))
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
