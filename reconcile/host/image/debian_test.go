package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/resource"
)

// packages is a folder of those that both tools ask for. What they need to run
// inside is in one, of this machine's own programs; the others are empty: a
// Debian takes a minute of processor time to put together, and the scripts have one.
func packages(t *testing.T) string {
	t.Helper()
	debs, base, first := t.TempDir(), t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(filepath.Join(debs, "partial"), 0o755))
	install := func(from, to string) {
		must(t, os.MkdirAll(filepath.Dir(to), 0o755))
		must(t, run("cp", "-L", from, to))
	}
	for _, folder := range []string{"tmp", "proc", "sys", "dev", "var/log", "var/lib/dpkg/info"} {
		must(t, os.MkdirAll(filepath.Join(base, folder), 0o755))
	}
	write(t, filepath.Join(base, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")
	write(t, filepath.Join(base, "etc/group"), "root:x:0:\n")
	for _, name := range []string{"dpkg", "dpkg-deb", "dpkg-split", "dpkg-query", "dpkg-trigger", "tar", "env", "sh", "true"} {
		program, err := exec.LookPath(name)
		must(t, err)
		install(program, filepath.Join(base, "usr/bin", name))
		libraries, err := exec.Command("ldd", program).Output()
		must(t, err)
		for word := range strings.FieldsSeq(string(libraries)) {
			if filepath.IsAbs(word) {
				install(word, filepath.Join(base, word))
			}
		}
	}
	install("/bin/busybox", filepath.Join(base, "bin/busybox"))
	for _, name := range []string{"rm", "diff", "cat", "ln", "chmod", "chown", "mkdir", "mount", "umount"} {
		must(t, os.Symlink("busybox", filepath.Join(base, "bin", name)))
	}
	must(t, os.MkdirAll(filepath.Join(base, "sbin"), 0o755))
	must(t, os.Symlink("../bin/busybox", filepath.Join(base, "sbin/start-stop-daemon")))
	write(t, filepath.Join(base, "sbin/ldconfig"), "#!/bin/sh\n")
	must(t, os.Chmod(filepath.Join(base, "sbin/ldconfig"), 0o755))
	install("/bin/busybox", filepath.Join(first, "sbin/init"))
	pack(t, debs, base, "base-files", "Essential: yes\n")
	pack(t, debs, first, "first", "")
	for _, name := range []string{"apt", "base-passwd", "debconf", "dpkg", "libc6", "mawk", "perl-base", "usr-is-merged", "usrmerge"} {
		pack(t, debs, t.TempDir(), name, "")
	}
	return debs
}

// pack makes a package of a folder.
func pack(t *testing.T, debs, folder, name, more string) {
	t.Helper()
	write(t, filepath.Join(folder, "DEBIAN/control"),
		"Package: "+name+"\nVersion: 1\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: small\nPriority: required\n"+more)
	must(t, os.Chmod(folder, 0o755))
	must(t, run("dpkg-deb", "-Znone", "--root-owner-group", "--build", folder, debs))
}

// TestOffline makes trees of a folder of packages alone: the same of the same,
// also elsewhere and with the folder under another name.
func TestOffline(t *testing.T) {
	debs := packages(t)
	moved := filepath.Join(t.TempDir(), "moved")
	must(t, os.Symlink(debs, moved))
	var made [3]resource.Image
	var said []string
	var all sync.WaitGroup
	for n, c := range []struct{ tool, mirror string }{{"mmdebstrap", debs}, {"mmdebstrap", moved + "/"}, {"debootstrap", debs}} {
		s := store(t)
		s.apt, s.tools = "/nowhere", []string{c.tool}
		all.Go(func() {
			img, err := s.Ensure(t.Context(), resource.Image{Source: "debootstrap:bookworm", Include: []string{"first"}, Mirror: c.mirror}, func(line string) {
				if n == 0 {
					said = append(said, line)
				}
			})
			if err != nil {
				t.Error(err)
				return
			}
			if list, err := os.ReadFile(filepath.Join(s.Path(img.Digest), "etc/apt/sources.list")); err != nil || len(list) > 0 {
				t.Errorf("sources.list has %q, %v", list, err)
			}
			if img.From["mirror"] != c.mirror || !strings.Contains(img.From["packages"], ", sha256:") {
				t.Errorf("it comes from %v", img.From)
			}
			made[n] = img
			bare(t, s.Path(img.Digest))
		})
	}
	all.Wait()
	if made[0].Digest != made[1].Digest {
		t.Errorf("made twice, it is %s and %s", made[0].Digest, made[1].Digest)
	}
	if len(said) < 5 {
		t.Errorf("progress: %v", said)
	}
}

// bare checks that a tree has what was asked for, and nothing of this machine or
// of how it was made.
func bare(t *testing.T, root string) {
	if st := stat(t, filepath.Join(root, "etc/machine-id")); st.Size != 0 {
		t.Error("it has a machine id")
	}
	for _, name := range []string{"etc/hostname", "dev/null", "var/log/dpkg.log", "var/lib/dbus/machine-id"} {
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil {
			t.Errorf("%s is left in", name)
		}
	}
	if lists, _ := os.ReadDir(filepath.Join(root, "var/lib/apt/lists")); len(lists) > 0 {
		t.Errorf("package lists are left in: %v", lists)
	}
	if out, err := inside(t.Context(), root, "/usr/bin/dpkg", "--status", "first").CombinedOutput(); err != nil || !strings.Contains(string(out), "install ok installed") {
		t.Errorf("dpkg says %s, %v", out, err)
	}
}

func TestMirrors(t *testing.T) {
	s := store(t)
	s.apt = t.TempDir()
	write(t, filepath.Join(s.apt, "sources.list"), "# x\ndeb-src http://a/debian bookworm main\n"+
		"deb [arch=amd64 signed-by=/k.gpg] http://a/debian bookworm main contrib # c\n")
	write(t, filepath.Join(s.apt, "sources.list.d/x.sources"), "Types: deb\n# c\nURIs: http://s/debian-security\nSuites: bookworm-security\n"+
		"Components: main\nSigned-By: /k2.gpg\n\nTypes: deb\nEnabled: no\nURIs: http://no/debian\nSuites: bookworm\nComponents: main\n\n"+
		"Types: deb\nURIs: https://other.example/repo\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN\n .\n xyz: abc\n")
	for suite, want := range map[string][]string{
		"bookworm": {
			"deb [signed-by=/k.gpg] http://a/debian bookworm main contrib",
			"deb [signed-by=/k2.gpg] http://s/debian-security bookworm-security main",
		},
		"trixie": {"deb [signed-by=/k.gpg] http://a/debian trixie main"},
		"noble":  nil,
	} {
		list, err := s.mirrors(suite)
		must(t, err)
		var lines []string
		for _, m := range list {
			lines = append(lines, m.line())
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("%s: %s", suite, diff)
		}
	}
}
