package hosttest

import (
	"os"
	"path/filepath"
	"testing"

	"strake/reconcile/resource"
)

func TestConform(t *testing.T) {
	h := New()
	Conform(t, Machine{
		Containers: h, Devices: h, Filter: h, Leases: h.Leases(), Roots: h,
		Container: Sample("sha256-" + resource.Digest("image")),
		Include: func(t *testing.T, c resource.Container) string {
			text, err := Render("", c)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "lxc.conf")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		},
	})
}
