package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// What a child of a test does: see TestMain.
const (
	childFolder = "STRAKE_TEST_STORE"
	childSource = "STRAKE_TEST_SOURCE"
	childDeath  = "STRAKE_TEST_DEATH" // the moment that it dies at; "remove N" is one while it removes
)

// child fetches an image, or removes it, in a process of its own.
func child() int {
	s, err := Open(Options{Folder: os.Getenv(childFolder)})
	if err != nil {
		return 1
	}
	left, _ := strconv.Atoi(strings.TrimPrefix(os.Getenv(childDeath), "remove "))
	s.Step = func() {
		if left--; left == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	img := resource.Image{Source: os.Getenv(childSource)}
	if strings.HasPrefix(os.Getenv(childDeath), "remove") {
		img, _, err = s.Resolve(context.Background(), img)
		if err == nil {
			err = s.Remove(img.Digest)
		}
	} else {
		s.Meter = func(string, int64) (func(int), func()) { return func(int) { s.Step() }, func() {} }
		img, err = s.Ensure(context.Background(), img, func(line string) { fmt.Println("said", line); s.Step() })
	}
	fmt.Println("is", img.Digest, err)
	return map[bool]int{true: 0, false: 1}[err == nil]
}

// process is a child under way.
type process struct {
	*exec.Cmd
	out strings.Builder
}

func begin(t *testing.T, s *Store, source, death string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command("/proc/self/exe")}
	p.Env = append(os.Environ(), childFolder+"="+s.dir, childSource+"="+source, childDeath+"="+death)
	p.Stdout, p.Stderr = &p.out, &p.out
	must(t, p.Start())
	return p
}

// died waits, and says whether it died at its moment; any other end must be a
// good one.
func (p *process) died(t *testing.T) bool {
	t.Helper()
	err := p.Wait()
	if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return true
	}
	if err != nil {
		t.Fatalf("%v: %s", err, p.out.String())
	}
	return false
}

// big is an archive of some megabytes.
func big(t *testing.T) string {
	t.Helper()
	var entries []tar.Header
	for i := range 30 {
		entries = append(entries, tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("d%d/file", i), Mode: 0o644, Linkname: strings.Repeat("x", 100_000+i)})
	}
	return localFile(t, archive(t, entries...))
}

// TestDeaths kills a fetch and a removal at every step: the next run finds a
// store that is whole, and cleans up.
func TestDeaths(t *testing.T) {
	t.Setenv("PATH", bootstrap(t)+":"+os.Getenv("PATH"))
	registry := serve(t) + "/some/image:1"
	push(t, registry, index(t, "hello"))
	for name, source := range map[string]string{
		"tar": "tar:" + big(t), "oci": "oci:" + registry, "simplestreams": "simplestreams:" + streamed(t), "debootstrap": "debootstrap:fake",
	} {
		t.Run(name, func(t *testing.T) { deaths(t, source) })
	}
	t.Run("removal", removals)
}

func deaths(t *testing.T, source string) {
	other := sample(t)
	for n := 1; ; n++ {
		s := store(t)
		dead := begin(t, s, source, strconv.Itoa(n)).died(t)
		alone(t, s)
		ensure(t, s, "dir:"+other) // another fetch cleans up as well
		for _, name := range names(t, s) {
			if !digestForm().MatchString(name) {
				t.Errorf("death %d left %s", n, name)
			}
		}
		img := ensure(t, s, source)
		must(t, s.Verify(t.Context(), img.Digest))
		if list := names(t, s); len(list) != 2 {
			t.Errorf("death %d: in the store: %v", n, list)
		}
		if !dead {
			if n < 8 {
				t.Errorf("it dies at %d moments only", n-1)
			}
			return
		}
	}
}

func removals(t *testing.T) {
	source := "dir:" + sample(t)
	for n := 1; ; n++ {
		s := store(t)
		img := ensure(t, s, source)
		dead := begin(t, s, source, fmt.Sprintf("remove %d", n)).died(t)
		if _, ok, err := s.Resolve(t.Context(), resource.Image{Source: source}); ok || err != nil {
			t.Errorf("removal, death %d: %v, %v", n, ok, err)
		}
		if again := ensure(t, s, source); again.Digest != img.Digest {
			t.Errorf("removal, death %d: fetched %s", n, again.Digest)
		}
		if list := names(t, s); !slices.Equal(list, []string{img.Digest}) {
			t.Errorf("removal, death %d: in the store: %v", n, list)
		}
		if !dead {
			return
		}
	}
}

// bootstrap is a folder with something in place of mmdebstrap that is as untidy: it
// mounts within the tree, leaves a process behind, and does not end because nobody listens.
func bootstrap(t *testing.T) string {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "mmdebstrap"), []byte(`#!/bin/sh -e
trap '' PIPE
say() { echo "I: $1" 2>/dev/null || sleep 1000; }
for root; do case $root in /*) break ;; esac; done
say first
mkdir -p $root/proc $root/sbin $root/var/lib/dpkg $root/etc
mount -t tmpfs tmpfs $root/proc
sh -c 'sleep 1000; :' $root >/dev/null 2>&1 &
say second
echo "Package: one" >$root/var/lib/dpkg/status
say third
echo init >$root/sbin/init
umount $root/proc
say done
`), 0o755))
	return dir
}

// alone waits until what a dead process had started is gone; nothing is mounted.
func alone(t *testing.T, s *Store) {
	t.Helper()
	if table, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(table), s.dir) {
		t.Errorf("something is mounted in the store: %v", err)
	}
	left := true
	for end := time.Now().Add(10 * time.Second); left && time.Now().Before(end); time.Sleep(time.Millisecond) {
		all, err := filepath.Glob("/proc/[0-9]*/cmdline")
		must(t, err)
		left = slices.ContainsFunc(all, func(file string) bool {
			line, _ := os.ReadFile(file) // it may have ended
			return strings.Contains(string(line), s.dir)
		})
	}
	if left {
		t.Error("a process is left")
	}
}

// streamed is an image in two archives on an image server.
func streamed(t *testing.T) string {
	root := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "sbin/init", Mode: 0o755, Linkname: "init"},
		tar.Header{Typeflag: tar.TypeReg, Name: "file", Mode: 0o644, Linkname: strings.Repeat("x", 100_000)})
	meta := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "metadata.yaml", Mode: 0o644, Linkname: "architecture: x"})
	products := fmt.Sprintf(`{"format": "products:1.0", "products": {"p": {"aliases": "test/one", "arch": %q, "versions": {"1": {"items": {
		"incus.tar.xz": {"ftype": "incus.tar.xz", "path": "meta", "sha256": %q, "size": 1, "combined_rootxz_sha256": %q},
		"root.tar.xz": {"ftype": "root.tar.xz", "path": "root", "sha256": %q, "size": 1}}}}}}}`,
		architecture(), hexSum(meta), hexSum(slices.Concat(meta, root)), hexSum(root))
	return files(t, map[string][]byte{
		"/streams/v1/index.json": []byte(`{"format": "index:1.0", "index": {"images": {"datatype": "image-downloads", "format": "products:1.0", "path": "images.json"}}}`),
		"/images.json":           []byte(products), "/meta": meta, "/root": root,
	}) + "#test/one"
}

// TestOneFetchForAllProcesses: of several strakes one fetches.
func TestOneFetchForAllProcesses(t *testing.T) {
	t.Setenv("PATH", bootstrap(t)+":"+os.Getenv("PATH"))
	registry := serve(t) + "/some/image:1"
	push(t, registry, index(t, "hello"))
	for source, begins := range map[string]string{"tar:" + big(t): "unpacking", "oci:" + registry: "looking", "simplestreams:" + streamed(t): "asking", "debootstrap:fake": "first"} {
		s := store(t)
		var all []*process
		for range 4 {
			all = append(all, begin(t, s, source, ""))
		}
		fetched, digests := 0, map[string]bool{}
		for _, p := range all {
			if p.died(t) {
				t.Fatal("it died")
			}
			fetched += strings.Count(p.out.String(), "said "+begins)
			digests[p.out.String()[strings.Index(p.out.String(), "is "):]] = true
		}
		if fetched != 1 || len(digests) != 1 {
			t.Errorf("%s: fetched %d times, and is %v", source, fetched, digests)
		}
	}
}

// TestDiskFull: whatever room there is, an image is whole or is not, and
// nothing is left of one that is not.
func TestDiskFull(t *testing.T) {
	registry := serve(t) + "/some/image:1"
	push(t, registry, index(t, "hello"))
	for source, step := range map[string]int{"tar:" + big(t): 300 << 10, "oci:" + registry: 16 << 10, "simplestreams:" + streamed(t): 16 << 10} {
		scheme, _, _ := strings.Cut(source, ":")
		t.Run(scheme, func(t *testing.T) {
			if fits(t, source, 16<<10) {
				t.Fatal("it fits into nothing")
			}
			for room := 32 << 10; !fits(t, source, room); room += step {
				if room > 20<<20 {
					t.Fatal("it never fits")
				}
			}
		})
	}
}

// fits fetches an image to a disk that has room for so many bytes.
func fits(t *testing.T, source string, room int) bool {
	t.Helper()
	dir := t.TempDir()
	must(t, unix.Mount("full", dir, "tmpfs", 0, fmt.Sprintf("size=%d", room)))
	defer func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) }() // the thread that unpacked may not be gone yet
	s, err := Open(Options{Folder: filepath.Join(dir, "images")})
	must(t, err)
	must(t, os.Mkdir(s.dir, 0o700))
	img, err := s.Ensure(t.Context(), resource.Image{Source: source}, nil)
	switch {
	case err == nil:
		must(t, s.Verify(t.Context(), img.Digest))
	case !errors.Is(err, unix.ENOSPC):
		t.Errorf("room for %d bytes: %v", room, err)
	case len(names(t, s)) > 0:
		t.Errorf("room for %d bytes: left %v", room, names(t, s))
	}
	return err == nil
}

// TestMoved: a store is what it is on another disk, by another path, and
// through a link.
func TestMoved(t *testing.T) {
	s, dir := store(t), sample(t)
	img := ensure(t, s, "dir:"+dir)
	disk := t.TempDir()
	must(t, unix.Mount("disk", disk, "tmpfs", 0, ""))
	t.Cleanup(func() { must(t, unix.Unmount(disk, unix.MNT_DETACH)) })
	must(t, run("cp", "-a", s.dir, filepath.Join(disk, "elsewhere")))
	must(t, os.RemoveAll(s.dir))
	must(t, os.Symlink(filepath.Join(disk, "elsewhere"), s.dir))
	other, err := Open(Options{Folder: filepath.Join(disk, "elsewhere")})
	must(t, err)
	for _, s := range []*Store{s, other} {
		if have, ok, err := s.Resolve(t.Context(), resource.Image{Source: img.Source}); !ok || err != nil || have.Digest != img.Digest {
			t.Errorf("%s: %+v, %v, %v", s.dir, have, ok, err)
		}
		must(t, s.Verify(t.Context(), img.Digest))
	}
	for _, s := range []*Store{s, other} {
		write(t, filepath.Join(dir, "etc/more"), s.dir)
		if _, err := s.Refresh(t.Context(), img, nil); err != nil {
			t.Errorf("%s: %v", s.dir, err)
		}
	}
	if list := names(t, other); len(list) != 3 {
		t.Errorf("in the store: %v", list)
	}
}

// TestDamage: whatever is changed in an image is damage.
func TestDamage(t *testing.T) {
	s, tree := store(t), t.TempDir()
	write(t, tree+"/etc/which", "one")
	for name, damage := range map[string]func(tree string) error{
		"content":       func(tree string) error { return os.WriteFile(tree+"/etc/which", []byte("two"), 0o644) },
		"mode":          func(tree string) error { return os.Chmod(tree+"/etc/which", 0o4755) },
		"owner":         func(tree string) error { return os.Chown(tree+"/etc/which", 7, 7) },
		"loss":          func(tree string) error { return os.Remove(tree + "/etc/which") },
		"addition":      func(tree string) error { return os.WriteFile(tree+"/extra", nil, 0o644) },
		"device":        func(tree string) error { return unix.Mknod(tree+"/etc/null", unix.S_IFCHR|0o666, 0x103) },
		"no tree":       os.RemoveAll,
		"record":        func(tree string) error { return os.WriteFile(tree+"/../image.json", []byte("{"), 0o600) },
		"record's loss": func(tree string) error { return os.Remove(tree + "/../image.json") },
	} {
		img := ensure(t, s, "dir:"+tree)
		must(t, s.Verify(t.Context(), img.Digest))
		must(t, damage(s.Path(img.Digest)))
		if err := s.Verify(t.Context(), img.Digest); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		must(t, s.Reject(img.Digest))
	}
}

// TestDamageOnDisk: it is the disk that is read, whatever of it the kernel still
// has as it was written.
func TestDamageOnDisk(t *testing.T) {
	dir := t.TempDir()
	device, at := dir+"/device", dir+"/mounted"
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	write(t, device, "")
	must(t, errors.Join(os.Truncate(device, 16<<20), os.Mkdir(at, 0o755)))
	run("mkfs.ext4", "-q", device)
	run("mount", "-o", "loop", device, at)
	t.Cleanup(func() { run("umount", at) })
	text := strings.Repeat("what was written ", 1000)
	write(t, dir+"/tree/etc/which", text)
	s, err := Open(Options{Folder: at + "/images"})
	must(t, err)
	img := ensure(t, s, "dir:"+dir+"/tree")
	must(t, s.Verify(t.Context(), img.Digest))
	run("sync", "-f", at)

	disk, err := os.ReadFile(device)
	must(t, err)
	f, err := os.OpenFile(device, os.O_WRONLY, 0)
	must(t, err)
	for i := 0; ; i++ {
		next := bytes.Index(disk[i:], []byte(text[:1000]))
		if next < 0 {
			break
		}
		i += next
		_, err := f.WriteAt([]byte("W"), int64(i))
		must(t, err)
	}
	must(t, f.Close())
	if have, err := os.ReadFile(s.Path(img.Digest) + "/etc/which"); err != nil || string(have) != text {
		t.Fatalf("the kernel reads it from the disk: there is nothing to be seen here (%v)", err)
	}
	if err := s.Verify(t.Context(), img.Digest); !errors.Is(err, ErrDamaged) {
		t.Errorf("verified: %v", err)
	}
}

// TestVerify: what is damaged goes aside.
func TestVerify(t *testing.T) {
	s := store(t)
	img := ensure(t, s, "tar:"+big(t))
	must(t, s.Verify(t.Context(), img.Digest))
	must(t, os.WriteFile(filepath.Join(s.Path(img.Digest), "d7/file"), []byte("x"), 0o644))
	if err := s.Verify(t.Context(), img.Digest); !errors.Is(err, ErrDamaged) {
		t.Errorf("verified: %v", err)
	}
	must(t, s.Reject(img.Digest))
	if err := s.Reject(img.Digest); !errors.Is(err, ErrNotFound) {
		t.Errorf("rejected again: %v", err)
	}
	if _, ok, err := s.Resolve(t.Context(), img); ok || err != nil {
		t.Errorf("resolved: %v, %v", ok, err)
	}
	if again := ensure(t, s, img.Source); again.Digest != img.Digest {
		t.Errorf("fetched %s", again.Digest)
	}
	list, err := s.Rejected()
	if err != nil || len(list) != 1 {
		t.Fatalf("rejected: %v, %v", list, err)
	}
	for name, digest := range list {
		if digest != img.Digest {
			t.Errorf("%s is of %s", name, digest)
		}
		must(t, s.RemoveRejected(name))
	}
	if err := s.RemoveRejected("../x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed: %v", err)
	}
	if err := s.Verify(t.Context(), "sha256-"+strings.Repeat("0", 64)); !errors.Is(err, ErrNotFound) {
		t.Errorf("verified what is not there: %v", err)
	}
}
