package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCrashImport kills strake at every moment of taking a running container
// over. It is then strake's, whole, or what it was, to the byte; it runs on
// either way, and can be taken over by the next try.
// TestCrashImport does it with the adoption of a container that runs.
func TestCrashImport(t *testing.T) { everyDeath(t, death.adoption) }

func (d death) adoption() (killed bool) {
	d.t.Helper()
	config := stranger(d.t, d.world)
	was, pid := read(d.t, config), initOf(d.t, d.world)
	killed = d.cut(0, "import", "old", "-o", "old.hcl")
	d.must("gc")
	if d.try("exists", "old").code != 0 {
		if read(d.t, config) != was {
			d.errorf("its configuration is\n%s", read(d.t, config))
		}
		os.Remove(filepath.Join(d.dir, "old.hcl"))
		d.must("import", "old", "-o", "old.hcl")
	}
	d.must("plan", "--detailed-exitcode", "old.hcl")
	d.must("forget", "old")
	if read(d.t, config) != was || initOf(d.t, d.world) != pid {
		d.errorf("pid %s, was %s; its configuration is\n%s", initOf(d.t, d.world), pid, read(d.t, config))
	}
	return killed
}

func stranger(t *testing.T, w world) string {
	t.Helper()
	root := filepath.Join(w.dir, "lxc/old/rootfs")
	for _, sub := range []string{"bin", "dev", "proc", "sys", "etc"} {
		if err := os.MkdirAll(filepath.Join(root, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(w.dir, "lxc/old/config")
	text := "# mine\nlxc.rootfs.path = dir:" + root + "\nlxc.init.cmd = /bin/busybox sleep 1000\nlxc.net.0.type = empty\nlxc.uts.name = old\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{
		{"cp", "/bin/busybox", filepath.Join(root, "bin/busybox")},
		{"lxc-start", "-P", filepath.Join(w.dir, "lxc"), "-n", "old"},
	} {
		if out, err := w.command(line...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", line, err, out)
		}
	}
	return config
}

func initOf(t *testing.T, w world) string {
	t.Helper()
	out, err := w.command("lxc-info", "-P", filepath.Join(w.dir, "lxc"), "-n", "old", "-p", "-H").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
