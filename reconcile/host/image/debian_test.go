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

// TestOffline makes trees of a folder of packages alone: the same of the same,
// also elsewhere and with the folder under another name.
func TestOffline(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	debs := filepath.Join(t.TempDir(), "debs")
	must(t, os.MkdirAll(filepath.Join(debs, "partial"), 0o755))
	for _, args := range [][]string{
		{"-y", "--download-only", "--no-install-recommends", "-o", "Dir::State::status=/dev/null", "-o", "Dir::Cache::archives=" + debs,
			"install", "apt", "systemd-sysv", "?priority(required)", "?essential", "usrmerge"},
		{"download", "usr-is-merged"}, // debootstrap's choice where mmdebstrap takes usrmerge
	} {
		cmd := exec.Command("apt-get", append([]string{"-qq"}, args...)...)
		cmd.Dir = debs
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("get packages: %v: %s", err, out)
		}
	}
	moved := filepath.Join(t.TempDir(), "moved")
	must(t, os.Symlink(debs, moved))
	var made [3]resource.Image
	var said []string
	var all sync.WaitGroup
	for n, c := range []struct{ tool, mirror string }{{"mmdebstrap", debs}, {"mmdebstrap", moved + "/"}, {"debootstrap", debs}} {
		s := store(t)
		s.apt, s.tools = "/nowhere", []string{c.tool}
		all.Go(func() {
			img, err := s.Ensure(t.Context(), resource.Image{Source: "debootstrap:bookworm", Include: []string{"systemd-sysv"}, Mirror: c.mirror}, func(line string) {
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
	if made[0].Halt != "SIGRTMIN+3" {
		t.Errorf("halt signal %q", made[0].Halt)
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
	if out, err := inside(t.Context(), root, "/usr/bin/dpkg", "--status", "systemd-sysv").CombinedOutput(); err != nil || !strings.Contains(string(out), "install ok installed") {
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
