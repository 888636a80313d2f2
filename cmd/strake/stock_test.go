package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"strake/cmd/internal/cli"
	"strake/reconcile/resource"
)

// stock has the images that several worlds start with.
var stock = images{stores: map[string]string{}}

// images are made once, whoever takes them.
type images struct {
	sync.Mutex
	dirs   []string
	stores map[string]string // by source and packages
}

// into puts an image into a world that has none yet.
func (i *images) into(w world, source string, packages ...string) error {
	store, err := i.store(source, packages)
	if err != nil {
		return err
	}
	out, err := exec.Command("cp", "--archive", "--link", store, filepath.Join(w.dir, "state")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy the image: %w: %s", err, out)
	}
	return nil
}

// store is a folder with that image alone.
func (i *images) store(source string, packages []string) (string, error) {
	i.Lock()
	defer i.Unlock()
	key := fmt.Sprintf("%q %q", source, packages)
	if at := i.stores[key]; at != "" {
		return at, nil
	}
	dir, err := os.MkdirTemp("", "strake-stock")
	if err != nil {
		return "", err
	}
	i.dirs = append(i.dirs, dir)
	p, err := open(cli.Globals{StateDir: filepath.Join(dir, "state"), LXCPath: filepath.Join(dir, "lxc")})
	if err != nil {
		return "", err
	}
	if _, err := p.Engine.Host.Images.Ensure(context.Background(), resource.Image{Source: source, Include: packages}, nil); err != nil {
		return "", err
	}
	i.stores[key] = filepath.Join(dir, "state/images")
	return i.stores[key], nil
}

func (i *images) drop() {
	for _, dir := range i.dirs {
		os.RemoveAll(dir)
	}
}
