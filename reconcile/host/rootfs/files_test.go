package rootfs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// filed is a mounted root and a file set on it.
func filed(t *testing.T) (*Roots, resource.FileSet, string) {
	t.Helper()
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	write(t, filepath.Join(r.images(digest), "etc/passwd"), "root:x:0:0::/:/bin/sh\nbad\nweb:x:33:34::/:/bin/sh\nfar:x:70000:0::/:/bin/sh\n")
	mount(t, r, root)
	return r, resource.FileSet{Root: root}, r.Path("c1")
}

func plainFile(path string) resource.File {
	return resource.File{Path: path, Content: "new\n", Mode: "0644", Owner: "root:root"}
}

// TestFilesStayInside: whatever a container puts in the way of a file, the
// host's own is what it was.
func TestFilesStayInside(t *testing.T) {
	r, set, at := filed(t)
	outside := t.TempDir()
	write(t, filepath.Join(outside, "victim"), "host's\n")
	up := strings.Repeat("../", 30)
	for name, trap := range map[string]func(dir string) error{
		"folder is a link":           func(dir string) error { return os.Symlink(outside, dir) },
		"folder is a link upwards":   func(dir string) error { return os.Symlink(up+outside, dir) },
		"folder is a link to proc":   func(dir string) error { return os.Symlink("/proc/1/root"+outside, dir) },
		"folder is a loop":           func(dir string) error { return os.Symlink(dir, dir) },
		"folder is a file":           func(dir string) error { return os.WriteFile(dir, nil, 0o644) },
		"file is a link":             trapped(func(f string) error { return os.Symlink(filepath.Join(outside, "victim"), f) }),
		"file is a link upwards":     trapped(func(f string) error { return os.Symlink(up+outside+"/victim", f) }),
		"file is a hard link":        trapped(func(f string) error { return os.Link(filepath.Join(at, "etc/passwd"), f) }),
		"file is a pipe":             trapped(func(f string) error { return unix.Mkfifo(f, 0o644) }),
		"file is a device":           trapped(func(f string) error { return unix.Mknod(f, unix.S_IFCHR|0o666, 1<<8|3) }),
		"file is a folder":           trapped(func(f string) error { return os.MkdirAll(filepath.Join(f, "x"), 0o755) }),
		"temporary name is a link":   trapped(func(f string) error { return os.Symlink(outside+"/victim", tempOf(f)) }),
		"temporary name is a pipe":   trapped(func(f string) error { return unix.Mkfifo(tempOf(f), 0o644) }),
		"temporary name is a folder": trapped(func(f string) error { return os.Mkdir(tempOf(f), 0o755) }),
	} {
		dir := filepath.Join(at, "trap")
		if err := trap(dir); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		set.Files = []resource.File{plainFile("/trap/victim")}
		_, err := r.SetFiles(context.Background(), set)
		refused := slices.Contains([]string{"folder is a link", "folder is a link upwards", "folder is a link to proc", "folder is a loop", "folder is a file", "file is a folder", "temporary name is a folder"}, name)
		if (err != nil) != refused {
			t.Errorf("%s: %v", name, err)
		}
		have, err := r.Files(os.Getpid(), "c1", set.Root.IDMap, set.Files)
		if strings.HasPrefix(name, "folder is a link") {
			have = nil // it leads to what is not there
		}
		if ok := err == nil && len(have) == 1 && have[0] == set.Files[0]; ok == refused {
			t.Errorf("%s: %+v, %v", name, have, err)
		}
		if text, _ := os.ReadFile(filepath.Join(outside, "victim")); string(text) != "host's\n" {
			t.Fatalf("%s: the host's file is %q", name, text)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		_ = os.RemoveAll(filepath.Join(at, outside)) // where a link's way is made within the root
		_ = os.RemoveAll(filepath.Join(at, "proc/1"))
	}
	if list, _ := os.ReadDir(outside); len(list) != 1 {
		t.Errorf("outside there are %v", list)
	}
}

func tempOf(file string) string {
	return filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".strake")
}

// trapped puts a trap in the place of the file.
func trapped(set func(file string) error) func(string) error {
	return func(dir string) error {
		return errors.Join(os.Mkdir(dir, 0o755), set(filepath.Join(dir, "victim")))
	}
}

// TestFileOwners: names are the container's own, and no id is beyond its range.
func TestFileOwners(t *testing.T) {
	r, set, at := filed(t)
	f := plainFile("/owned")
	for owner, want := range map[string]int{"web": 1_000_033, "33": 1_000_033, "web:7": 1_000_033, "root": 1_000_000, "9:9": 1_000_009, "nobody": 0, "web:web": 0, "far": 0, "65536": 0, "-1": 0, "0:4294967295": 0} {
		f.Owner = owner
		set.Files = []resource.File{f}
		_, err := r.SetFiles(context.Background(), set)
		if (err == nil) != (want != 0) {
			t.Errorf("%s: %v", owner, err)
		}
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(at, "owned"), &st); want != 0 && (err != nil || int(st.Uid) != want) {
			t.Errorf("%s: %v, id %d, want %d", owner, err, st.Uid, want)
		}
		if have, err := r.Files(os.Getpid(), "c1", set.Root.IDMap, set.Files); want != 0 && (err != nil || have[0].Owner != owner) {
			t.Errorf("%s: reads back as %+v, %v", owner, have, err)
		}
	}
	f.Owner, f.Mode = "web", "4755"
	set.Files = []resource.File{f}
	if _, err := r.SetFiles(context.Background(), set); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(at, "owned")); err != nil || info.Mode()&os.ModeSetuid == 0 {
		t.Errorf("set-uid is lost: %v, %v", info, err)
	}
}

// TestFilesGiveBack: a link of the image comes back as one; folders that
// somebody else made stay, empty or not.
func TestFilesGiveBack(t *testing.T) {
	r, set, at := filed(t)
	if err := os.Symlink("passwd", filepath.Join(r.images(digest), "etc/link")); err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Join(at, "theirs"))
	set.Files = []resource.File{plainFile("/etc/link"), plainFile("/theirs/a/b/c"), plainFile("/etc/passwd")}
	if _, err := r.SetFiles(context.Background(), set); err != nil {
		t.Fatal(err)
	}
	set.Files, set.Gone = nil, []string{"/etc/link", "/theirs/a/b/c", "/etc/passwd"}
	if _, err := r.SetFiles(context.Background(), set); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(at, "etc/link")); err != nil || to != "passwd" {
		t.Errorf("link: %q, %v", to, err)
	}
	if text, err := os.ReadFile(filepath.Join(at, "etc/passwd")); err != nil || !strings.Contains(string(text), "web") {
		t.Errorf("file: %q, %v", text, err)
	}
	if left, err := os.ReadDir(filepath.Join(at, "theirs")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestFilesRefuseHuge: what could not be put back is not replaced.
func TestFilesRefuseHuge(t *testing.T) {
	r, set, at := filed(t)
	write(t, filepath.Join(at, "huge"), "x")
	if err := os.Truncate(filepath.Join(at, "huge"), 1<<40); err != nil {
		t.Fatal(err)
	}
	set.Files = []resource.File{plainFile("/huge")}
	have, err := r.Files(os.Getpid(), "c1", set.Root.IDMap, set.Files)
	if err != nil || have[0].Odd != "a file of 1TiB" {
		t.Errorf("it is %+v, %v", have, err)
	}
	if err := r.KeepFiles("c1", []string{"/huge"}, filepath.Join(t.TempDir(), "kept")); !errors.Is(err, ErrLarge) {
		t.Errorf("kept: %v", err)
	}
}
