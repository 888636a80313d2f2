package image

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

func store(t testing.TB) *Store {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root")
	}
	s, err := Open(Options{Folder: filepath.Join(t.TempDir(), "images")})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func ensure(t testing.TB, s *Store, source string) resource.Image {
	t.Helper()
	img, err := s.Ensure(t.Context(), resource.Image{Source: source}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// names lists what is in the store, locks aside.
func names(t testing.TB, s *Store) []string {
	t.Helper()
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		if e.Name() != ".locks" && e.Name() != "refs.json" {
			list = append(list, e.Name())
		}
	}
	return list
}

// sample is a small tree with one of everything.
func sample(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "etc/name"), "sample")
	write(t, filepath.Join(dir, "home/file"), "user's")
	must(t, os.Chown(filepath.Join(dir, "home/file"), 1000, 1001))
	must(t, unix.Chmod(filepath.Join(dir, "etc/name"), 0o4751))
	must(t, os.Link(filepath.Join(dir, "etc/name"), filepath.Join(dir, "etc/zwei")))
	must(t, os.Symlink("../../../../etc/shadow", filepath.Join(dir, "etc/link")))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o640))
	must(t, unix.Mknod(filepath.Join(dir, "null"), unix.S_IFCHR|0o666, 1<<8|3))
	must(t, unix.Setxattr(filepath.Join(dir, "home/file"), "user.colour", []byte("blue"), 0))
	must(t, unix.Setxattr(filepath.Join(dir, "etc"), "trusted.overlay.opaque", []byte("y"), 0))
	must(t, unix.Setxattr(filepath.Join(dir, "etc"), "user.overlay.opaque", []byte("y"), 0))
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func stat(t testing.TB, path string) syscall.Stat_t {
	t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return st
}

// checkSample: root holds what sample made, devices and foreign attributes left out.
func checkSample(t *testing.T, root string) {
	t.Helper()
	name, file := stat(t, filepath.Join(root, "etc/name")), stat(t, filepath.Join(root, "home/file"))
	if name.Mode != unix.S_IFREG|0o4751 || name.Ino != stat(t, filepath.Join(root, "etc/zwei")).Ino {
		t.Errorf("etc/name has mode %o and inode %d", name.Mode, name.Ino)
	}
	if file.Uid != 1000 || file.Gid != 1001 {
		t.Errorf("home/file belongs to %d:%d", file.Uid, file.Gid)
	}
	if to, err := os.Readlink(filepath.Join(root, "etc/link")); err != nil || to != "../../../../etc/shadow" {
		t.Errorf("etc/link leads to %q, %v", to, err)
	}
	if st := stat(t, filepath.Join(root, "pipe")); st.Mode != unix.S_IFIFO|0o640 {
		t.Errorf("pipe has mode %o", st.Mode)
	}
	if _, err := os.Lstat(filepath.Join(root, "null")); err == nil {
		t.Error("the device is there")
	}
	var value [16]byte
	if n, err := unix.Getxattr(filepath.Join(root, "home/file"), "user.colour", value[:]); err != nil || string(value[:n]) != "blue" {
		t.Errorf("user.colour is %q, %v", value[:n], err)
	}
	for _, name := range []string{"trusted.overlay.opaque", "user.overlay.opaque"} {
		if _, err := unix.Getxattr(filepath.Join(root, "etc"), name, value[:]); err == nil {
			t.Errorf("overlay's own %s was taken over", name)
		}
	}
}

func TestDir(t *testing.T) {
	s, dir := store(t), sample(t)
	img := resource.Image{Source: "dir:" + dir}
	if _, ok, err := s.Resolve(t.Context(), img); ok || err != nil {
		t.Fatalf("resolved before it was fetched: %v, %v", ok, err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("resolve wrote: %v", err)
	}
	got := ensure(t, s, img.Source)
	checkSample(t, s.Path(got.Digest))
	if st := stat(t, s.dir); st.Mode&0o777 != 0o700 {
		t.Errorf("the store is open: %o", st.Mode)
	}
	again, ok, err := s.Resolve(t.Context(), img)
	if err != nil || !ok || again.Digest != got.Digest || again.Halt != got.Halt || got.Halt == "" {
		t.Errorf("resolved to %+v, %v, %v; ensured %+v", again, ok, err, got)
	}
	list, err := s.List()
	if err != nil || len(list) != 1 || list[0].Digest != got.Digest || list[0].Size != 12 || list[0].Source != img.Source {
		t.Errorf("listed %+v, %v", list, err)
	}
	must(t, s.Remove(got.Digest))
	if left := names(t, s); len(left) != 0 {
		t.Errorf("left after remove: %v", left)
	}
	if _, ok, err := s.Resolve(t.Context(), img); ok || err != nil {
		t.Errorf("resolved after remove: %v, %v", ok, err)
	}
	if err := s.Remove(got.Digest); !errors.Is(err, ErrNotFound) {
		t.Errorf("second remove: %v", err)
	}
}

func TestDigest(t *testing.T) {
	dir := sample(t)
	first, _, err := manifest(t.Context(), filepath.Join(dir, "etc"), nil)
	must(t, err)
	same := func(what string, want bool) {
		t.Helper()
		now, _, err := manifest(t.Context(), filepath.Join(dir, "etc"), nil)
		must(t, err)
		if (now == first) != want {
			t.Errorf("%s: digest %s, before %s", what, now, first)
		}
		first = now
	}
	must(t, os.Chtimes(filepath.Join(dir, "etc/name"), stamp(), stamp()))
	same("times", true)
	must(t, os.Chmod(filepath.Join(dir, "etc/name"), 0o600))
	same("mode", false)
	must(t, os.Chown(filepath.Join(dir, "etc/name"), 0, 7))
	same("group", false)
	must(t, os.WriteFile(filepath.Join(dir, "etc/name"), []byte("other!"), 0o600))
	same("content", false)
	must(t, unix.Setxattr(filepath.Join(dir, "etc/name"), "user.x", []byte("1"), 0))
	same("attribute", false)
	must(t, os.Remove(filepath.Join(dir, "etc/link")))
	must(t, os.Symlink("elsewhere", filepath.Join(dir, "etc/link")))
	same("link", false)
	must(t, os.Rename(filepath.Join(dir, "etc/link"), filepath.Join(dir, "etc/link2")))
	same("name", false)
	must(t, os.Remove(filepath.Join(dir, "etc/zwei")))
	must(t, os.WriteFile(filepath.Join(dir, "etc/zwei"), []byte("other!"), 0o600))
	same("hard link", false)
}

func TestOneFetchForAll(t *testing.T) {
	s, dir := store(t), sample(t)
	var mu sync.Mutex
	copies := 0
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := s.Ensure(t.Context(), resource.Image{Source: "dir:" + dir}, func(said string) {
				mu.Lock()
				defer mu.Unlock()
				if strings.HasPrefix(said, "copying") {
					copies++
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if copies != 1 {
		t.Errorf("copied %d times", copies)
	}
}

func TestSweep(t *testing.T) {
	s, dir := store(t), sample(t)
	dead := filepath.Join(s.dir, ".tmp-0123456789abcdef-1")
	alive := filepath.Join(s.dir, ".tmp-fedcba9876543210-1")
	write(t, filepath.Join(dead, "rootfs/file"), "x")
	write(t, filepath.Join(alive, "rootfs/file"), "x")
	unlock, err := s.lock("fedcba9876543210")
	must(t, err)
	defer unlock()
	img := ensure(t, s, "dir:"+dir)
	if left := names(t, s); !slices.Equal(left, []string{filepath.Base(alive), img.Digest}) {
		t.Errorf("in the store: %v", left)
	}
}

func TestSameTreeOnce(t *testing.T) {
	s, dir := store(t), sample(t)
	other := t.TempDir()
	must(t, s.copyDirInto(t, dir, other))
	a, b := ensure(t, s, "dir:"+dir), ensure(t, s, "dir:"+other)
	if a.Digest != b.Digest || len(names(t, s)) != 1 {
		t.Errorf("%s, %s: %v", a.Digest, b.Digest, names(t, s))
	}
}

func (s *Store) copyDirInto(t *testing.T, from, to string) error {
	must(t, os.MkdirAll(s.dir, 0o700))
	must(t, os.Chmod(to, 0o755))
	_, err := s.copyDir(t.Context(), from, to)
	return err
}

func TestPinnedDigest(t *testing.T) {
	s, dir := store(t), sample(t)
	pinned := resource.Image{Source: "dir:" + dir, Digest: "sha256-" + strings.Repeat("0", 64)}
	if _, ok, err := s.Resolve(t.Context(), pinned); ok || err != nil {
		t.Errorf("resolved: %v, %v", ok, err)
	}
	if _, err := s.Ensure(t.Context(), pinned, nil); !errors.Is(err, ErrDigest) {
		t.Errorf("ensured: %v", err)
	}
	pinned.Digest = ensure(t, s, pinned.Source).Digest
	write(t, filepath.Join(dir, "etc/more"), "later")
	if got, err := s.Ensure(t.Context(), pinned, nil); err != nil || got.Halt == "" {
		t.Errorf("pinned and there: %+v, %v", got, err)
	}
}

func TestBadSources(t *testing.T) {
	s := store(t)
	s.busybox = []string{"/bin/ls", "/nowhere"}
	for source, want := range map[string]error{
		"busybox":                     ErrSource,
		"http://example.org/x.tar":    ErrSource,
		"builtin:alpine":              ErrSource,
		"debootstrap:":                ErrSource,
		"debootstrap:--keyring=/x":    ErrSource,
		"debootstrap:a b":             ErrSource,
		"dir:relative":                ErrSource,
		"tar:":                        ErrSource,
		"builtin:busybox":             ErrNoBusybox,
		"dir:/nowhere/at/all":         os.ErrNotExist,
		"tar:/nowhere/at/all.tar.zst": os.ErrNotExist,
	} {
		if _, ok, err := s.Resolve(t.Context(), resource.Image{Source: source}); ok || !errors.Is(err, want) {
			t.Errorf("%s: %v, %v", source, ok, err)
		}
	}
	for _, include := range []string{"--x", "a b", "a,b", "A", ""} {
		img := resource.Image{Source: "debootstrap:bookworm", Include: []string{include}}
		if _, _, err := s.Resolve(t.Context(), img); !errors.Is(err, ErrSource) {
			t.Errorf("include %q: %v", include, err)
		}
	}
	if _, err := s.Ensure(t.Context(), resource.Image{Source: "dir:" + filepath.Dir(s.dir)}, nil); !errors.Is(err, ErrSource) {
		t.Errorf("the store into itself: %v", err)
	}
}
