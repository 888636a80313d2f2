package main

import (
	"context"
	"path/filepath"

	"strake/cmd/internal/cli"
	"strake/reconcile/debug"
	"strake/reconcile/host/image"
	"strake/reconcile/host/lxc"
	"strake/reconcile/host/rootfs"
	"strake/reconcile/resource"
)

// debugger opens what generations wrote, in containers that are thrown away.
type debugger struct{ debug.Opener[*lxc.Runtime] }

func newDebugger(g cli.Globals, images *image.Store, layers *image.Layers, env lxc.Environment) *debugger {
	return &debugger{debug.Opener[*lxc.Runtime]{
		Dir: filepath.Join(g.StateDir, "debug"), Layers: layers.Path,
		Ground: func(dir string, layers func(string) string) debug.Ground {
			return rootfs.Open(rootfs.Options{State: dir, Images: images.Path, Layers: layers})
		},
		Machine: func(dir string) (*lxc.Runtime, error) { return lxc.Open(lxc.Options{Path: dir}) },
		Render: func(c resource.Container, root string) (string, error) {
			e := env
			e.RootFS = root
			return lxc.Render(c, e)
		},
	}}
}

// Debug runs a command in one.
func (d *debugger) Debug(ctx context.Context, c resource.Container, written []string, cmd lxc.Command) (exit int, err error) {
	err = d.Open(ctx, c, written, func(m *lxc.Runtime) (err error) {
		exit, err = m.Run(ctx, debug.Name, cmd)
		return err
	})
	return exit, err
}
