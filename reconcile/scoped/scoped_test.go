package scoped

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

func folder(t *testing.T) (string, int) {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"bin", "sbin"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"sbin/init": "../bin/busybox", "bin/out": "/etc/passwd", "bin/up": "../../../../../../etc/passwd", "bin/in": "/bin/busybox"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return dir, fd
}

func TestOpen(t *testing.T) {
	_, dir := folder(t)
	for _, c := range []struct {
		path string
		way  uint64
		want error
	}{
		{"sbin/init", InRoot, nil}, {"sbin/init", Beneath, nil}, {"/bin/in", InRoot, nil}, {"bin/in", Beneath, unix.EXDEV},
		{"bin/out", InRoot, unix.ENOENT}, {"bin/out", Beneath, unix.EXDEV}, {"bin/up", InRoot, unix.ENOENT}, {"bin/up", Beneath, unix.EXDEV},
		{"none", InRoot, unix.ENOENT},
	} {
		fd, err := Open(dir, c.path, unix.O_PATH, c.way)
		if !errors.Is(err, c.want) && err != c.want {
			t.Errorf("%s: %v, want %v", c.path, err, c.want)
		}
		if err == nil {
			unix.Close(fd)
		}
	}
}

// What is renamed elsewhere on the machine does not get in the way.
func TestOpenBesideRenames(t *testing.T) {
	_, dir := folder(t)
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var over atomic.Bool
	done := make(chan bool)
	go func() {
		defer close(done)
		for a, b := filepath.Join(elsewhere, "a"), filepath.Join(elsewhere, "b"); !over.Load(); a, b = b, a {
			if err := os.Rename(a, b); err != nil {
				t.Error(err)
			}
		}
	}()
	gaveUp := 0
	how := unix.OpenHow{Flags: unix.O_PATH, Resolve: InRoot}
	for range 200_000 {
		if fd, err := unix.Openat2(dir, "sbin/init", &how); err == nil {
			unix.Close(fd)
		} else if err == unix.EAGAIN {
			gaveUp++
		}
		fd, err := Open(dir, "sbin/init", unix.O_PATH, InRoot)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
		if gaveUp > 3 {
			break
		}
	}
	over.Store(true)
	<-done
	if gaveUp == 0 {
		t.Error("the kernel never gave up: nothing was tried here")
	}
}
