package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"strake/reconcile/host/image"
	"strake/reconcile/host/lxc"
	"strake/reconcile/host/rootfs"
	"strake/reconcile/layer"
	"strake/reconcile/resource"
)

// builder puts together what system layers are built with: folders and
// liblxc's path are those of one build, and of no container.
func builder(state string, images *image.Store, layers *image.Layers, env lxc.Environment, copies bool) *layer.Builder {
	return &layer.Builder{
		Dir: filepath.Join(state, "builds"), Store: layers,
		Ground: func(dir string) layer.Ground {
			return rootfs.Open(rootfs.Options{State: dir, Images: images.Path, Layers: layers.Path, Copies: copies})
		},
		Machine: func(dir string) (layer.Machine, error) {
			r, err := lxc.Open(lxc.Options{Path: dir})
			return machine{r}, err
		},
		Render: func(c resource.Container, root string) (string, error) {
			e := env
			e.RootFS = root
			return lxc.Render(c, e)
		},
	}
}

// machine runs commands of a build.
type machine struct{ *lxc.Runtime }

// Exec runs one with an environment of its own; both of its outputs are out.
func (m machine) Exec(ctx context.Context, name string, args, env []string, out *os.File) (int, error) {
	c := lxc.Command{Args: args, Env: map[string]string{}, Stdout: out, Stderr: out}
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		c.Env[key] = value
	}
	return m.Run(ctx, name, c)
}
