package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCrashImport kills strake at every moment of taking a running container
// over. It is then strake's, whole, or what it was, to the byte; it runs on
// either way, and can be taken over by the next try.
func TestCrashImport(t *testing.T) {
	for n := 1; n < 100; n++ {
		if !crashImport(t, n) {
			if n == 1 {
				t.Fatal("it never crashed: the hook does not work")
			}
			return
		}
	}
	t.Fatal("it crashes for ever")
}

// crashImport plays one death; false when it was over before the n-th moment.
func crashImport(t *testing.T, n int) bool {
	t.Helper()
	w, err := newWorld(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer w.end()
	config := stranger(t, w)
	was, pid := read(t, config), initOf(t, w)
	r := w.strake([]string{fmt.Sprintf("STRAKE_CRASH_AT=%d", n)}, "import", "old", "-o", "old.hcl")
	if !r.killed && r.code != 0 {
		t.Fatalf("death %d: exit %d\n%s", n, r.code, r.out)
	}
	if out := w.strake(nil, "gc"); out.code != 0 {
		t.Fatalf("death %d: gc: exit %d\n%s", n, out.code, out.out)
	}
	if w.strake(nil, "exists", "old").code != 0 {
		if read(t, config) != was {
			t.Errorf("death %d: its configuration is\n%s", n, read(t, config))
		}
		os.Remove(filepath.Join(w.dir, "old.hcl"))
		if out := w.strake(nil, "import", "old", "-o", "old.hcl"); out.code != 0 {
			t.Fatalf("death %d: again: exit %d\n%s", n, out.code, out.out)
		}
	}
	for _, args := range [][]string{{"plan", "--detailed-exitcode", "old.hcl"}, {"forget", "old"}} {
		if out := w.strake(nil, args...); out.code != 0 {
			t.Errorf("death %d: %v: exit %d\n%s", n, args, out.code, out.out)
		}
	}
	if read(t, config) != was || initOf(t, w) != pid {
		t.Errorf("death %d: pid %s, was %s; its configuration is\n%s", n, initOf(t, w), pid, read(t, config))
	}
	return r.killed
}

// stranger makes a container without strake and starts it.
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
