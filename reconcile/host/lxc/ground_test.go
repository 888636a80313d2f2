//go:build linux && cgo

package lxc

import (
	"context"
	"crypto/rand"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strake/reconcile/resource"
)

// base is the first host id of the containers in these tests.
const base = 1500000

// ground is an LXC path with a tiny root filesystem that all its containers
// share.
type ground struct {
	testing.TB
	*Runtime
	path, rootfs string
}

func newGround(t testing.TB) *ground {
	t.Helper()
	dir, err := os.MkdirTemp("", "stt-lxc-") // short: the command socket's name holds it
	must(t, err)
	must(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { os.RemoveAll(dir) })
	g := &ground{TB: t, path: filepath.Join(dir, "lxc"), rootfs: filepath.Join(dir, "rootfs")}
	must(t, os.MkdirAll(g.path, 0o711))
	g.Runtime, err = Open(Options{Path: g.path})
	must(t, err)
	g.fill()
	return g
}

// fill makes the root filesystem: the host's static busybox as init.
func (g *ground) fill() {
	for _, dir := range []string{"bin", "sbin", "etc", "proc", "sys", "dev", "tmp", "root", "run", "var"} {
		must(g, os.MkdirAll(filepath.Join(g.rootfs, dir), 0o755))
	}
	busybox, err := exec.LookPath("busybox")
	must(g, err)
	text, err := os.ReadFile(busybox)
	must(g, err)
	must(g, os.WriteFile(filepath.Join(g.rootfs, "bin/busybox"), text, 0o755))
	list, err := exec.Command(busybox, "--list").Output()
	must(g, err)
	for _, applet := range append(strings.Fields(string(list)), "../sbin/init") {
		os.Symlink("/bin/busybox", filepath.Join(g.rootfs, "bin", applet)) // busybox itself is there
	}
	must(g, os.WriteFile(filepath.Join(g.rootfs, "etc/inittab"), []byte("::sysinit:/bin/true\n::shutdown:/bin/true\n"), 0o644))
	must(g, os.WriteFile(filepath.Join(g.rootfs, "etc/passwd"), []byte("root:x:0:0:root:/root:/bin/sh\n"), 0o644))
	must(g, filepath.WalkDir(g.rootfs, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, base, base)
	}))
}

// container is what tests vary.
func container(name string) resource.Container {
	return resource.Container{
		Name: name, Hostname: name,
		Image: resource.Image{Halt: "SIGUSR2"},
		IDMap: resource.IDMap{Base: base, Size: 65536},
	}
}

// define writes a container's configuration and sees to its end.
func (g *ground) define(c resource.Container, edit ...func(*Environment)) {
	g.Helper()
	e, err := Probe()
	must(g, err)
	e.RootFS = g.rootfs
	for _, f := range edit {
		f(&e)
	}
	config, err := Render(c, e)
	must(g, err)
	g.write(c.Name, config)
}

func (g *ground) write(name, config string) {
	g.Helper()
	must(g, os.MkdirAll(filepath.Join(g.path, name), 0o711))
	must(g, os.WriteFile(filepath.Join(g.path, name, "config"), []byte(config), 0o644))
	g.Cleanup(func() { g.Kill(context.Background(), name) })
}

// up defines and starts a container.
func (g *ground) up(c resource.Container) {
	g.Helper()
	g.define(c)
	must(g, g.Start(g.Context(), c.Name))
}

func (g *ground) state(name string) resource.State {
	g.Helper()
	states, err := g.States(g.Context())
	must(g, err)
	return states[name]
}

// fresh is a name that no other test has.
func fresh() string { return "stt" + strings.ToLower(rand.Text()[:8]) }

// eventually waits for what another process brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never: ", what)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
