package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConfined: what unpacks can make files of all owners in its tree, and
// neither devices nor its way out.
func TestConfined(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "victim"), "untouched")
	root := filepath.Join(dir, "rootfs")
	must(t, os.Mkdir(root, 0o755))
	inside, err := openTree(root)
	must(t, err)
	defer inside.close()
	must(t, confined(inside.top, func() error {
		for what, is := range map[string]struct{ err, want error }{
			"make a device":  {unix.Mknod("/null", unix.S_IFCHR|0o666, 1<<8|3), unix.EPERM},
			"leave the root": {unix.Chroot("."), unix.EPERM},
			"mount":          {unix.Mount("x", "/", "tmpfs", 0, ""), unix.EPERM},
			"look outside":   {unix.Access("/../victim", unix.F_OK), unix.ENOENT},
			"find the host":  {unix.Access(dir, unix.F_OK), unix.ENOENT},
			"make a file":    {inside.file("etc/x", node{mode: 0o4755, uid: 5, gid: 6}, strings.NewReader("x")), nil},
		} {
			if !errors.Is(is.err, is.want) {
				t.Errorf("%s: %v, not %v", what, is.err, is.want)
			}
		}
		return nil
	}))
	if st := stat(t, filepath.Join(root, "etc/x")); st.Mode&0o7777 != 0o4755 || st.Uid != 5 || st.Gid != 6 {
		t.Errorf("the file has mode %o and belongs to %d:%d", st.Mode, st.Uid, st.Gid)
	}
	for range 50 {
		must(t, confined(inside.top, func() error { return nil }))
		if root, err := os.Readlink("/proc/self/root"); err != nil || root != "/" {
			t.Fatalf("the process has the root %s, %v", root, err)
		}
	}
	if err := unix.Access(filepath.Join(dir, "victim"), unix.F_OK); err != nil {
		t.Errorf("the threads of others are confined too: %v", err)
	}
}

// TestBounds: what is more than a system can be is refused, and at once.
func TestBounds(t *testing.T) {
	few := bounds{entries: 3, bytes: 1 << 20, path: 300}
	long := strings.Repeat("n", 200)
	file := func(name, content string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Linkname: content}
	}
	half := strings.Repeat("x", 600<<10)
	for name, entries := range map[string][]tar.Header{
		"entries":   {file("a", ""), file("b", ""), file("c", ""), file("d", "")},
		"bytes":     {file("a", half), file("b", half)},
		"path":      {file(long+"/"+long, "")},
		"link":      {{Typeflag: tar.TypeSymlink, Name: "l", Linkname: long + "/" + long}},
		"name":      {file(strings.Repeat("n", 256), "")},
		"hard link": {file("a", ""), {Typeflag: tar.TypeLink, Name: "b", Linkname: long + "/" + long}},
	} {
		root := t.TempDir()
		if _, err := unpack(root, bytes.NewReader(archive(t, entries...)), unpacker{ctx: t.Context(), most: few}); !errors.Is(err, ErrHostile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	root := t.TempDir()
	if _, err := unpack(root, bytes.NewReader(archive(t, file("a", half), file("b", ""), file("c", ""))), unpacker{ctx: t.Context(), most: few}); err != nil {
		t.Errorf("just enough: %v", err)
	}
}

// TestHoles: a file of 1 TiB without anything in it is small in an archive only.
func TestHoles(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "holes"), nil, 0o600))
	must(t, os.Truncate(filepath.Join(dir, "holes"), 1<<40))
	packed, err := exec.Command("tar", "-C", dir, "--sparse", "-cf", "-", "holes").Output()
	must(t, err)
	if _, err := unpack(t.TempDir(), bytes.NewReader(packed), unpacker{ctx: t.Context(), most: usual}); !errors.Is(err, ErrHostile) {
		t.Errorf("%d bytes of archive: %v", len(packed), err)
	}
}
