package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strake/reconcile/resource"
)

// TestDebian really builds one: it takes some 20 seconds and needs a mirror.
func TestDebian(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	s := store(t)
	var said []string
	img, err := s.Ensure(t.Context(), resource.Image{Source: "debootstrap:bookworm", Include: []string{"systemd-sysv", "dbus"}}, func(line string) {
		said = append(said, line)
	})
	if err != nil {
		t.Fatal(err)
	}
	root := s.Path(img.Digest)
	if img.Halt != "SIGRTMIN+3" {
		t.Errorf("halt signal %q", img.Halt)
	}
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
	if out, err := inside(t.Context(), root, "/usr/bin/dpkg", "--status", "dbus", "systemd-sysv").CombinedOutput(); err != nil || strings.Count(string(out), "install ok installed") != 2 {
		t.Errorf("dpkg says %s, %v", out, err)
	}
	if len(said) < 5 {
		t.Errorf("progress: %v", said)
	}
	t.Logf("%+v, %d bytes", img, listed(t, s).Size)
}

func listed(t *testing.T, s *Store) Meta {
	list, err := s.List()
	must(t, err)
	return list[0]
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
