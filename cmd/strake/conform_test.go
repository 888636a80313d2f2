package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"strake/cmd/internal/cli"
	"strake/reconcile/host/hosttest"
	"strake/reconcile/resource"
)

// TestConform holds the real host to the same suite as the one in memory. It
// runs itself again in a world of its own.
func TestConform(t *testing.T) {
	if os.Getenv(hostPID) == "" {
		w, err := newWorld(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer w.end()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := w.command(self, "-test.run=^TestConform$", "-test.v")
		cmd.Env = append(os.Environ(), w.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	p, err := open(cli.Globals{StateDir: os.Getenv("STRAKE_STATE_DIR"), LXCPath: os.Getenv("STRAKE_LXC_PATH")})
	if err != nil {
		t.Fatal(err)
	}
	h := p.Engine.Host
	img, err := h.Images.Ensure(context.Background(), resource.Image{Source: "builtin:busybox"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	hosttest.Conform(t, hosttest.Machine{
		Containers: h.Containers, Devices: h.Devices, Filter: h.Filter, Leases: h.Leases, Roots: h.Roots,
		Container: hosttest.Sample(img.Digest),
		Include: func(t *testing.T, c resource.Container) string {
			files, err := p.Engine.State.Render(c)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "lxc.conf")
			// The hook belongs to containers that have generations.
			if err := os.WriteFile(path, append(files["lxc.conf"], "lxc.hook.pre-start =\n"...), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		},
	})
}
