//go:build linux && cgo

package lxc

import (
	"context"
	"fmt"
	"path/filepath"

	golxc "github.com/lxc/go-lxc"
)

// Open checks that the path is one that liblxc can take, and finds the cgroups.
func Open(o Options) (*Runtime, error) {
	if !filepath.IsAbs(o.Path) {
		return nil, fmt.Errorf("open lxc path %q: not absolute", o.Path)
	}
	groups, err := findCgroups()
	if err != nil {
		return nil, fmt.Errorf("open lxc path %q: %w", o.Path, err)
	}
	return &Runtime{path: filepath.Clean(o.Path), cgroups: groups}, nil
}

// Version is liblxc's, "5.0.2".
func (r *Runtime) Version() string { return golxc.Version() }

// Start brings a container up and returns when its init runs. Its monitor is
// no child of ours. The error holds what liblxc and the hooks had to say. A
// cancelled ctx ends the wait; the container is then up or down, not between.
func (r *Runtime) Start(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	word, log, err := helper{request: []string{"start", r.path, name}}.call(ctx)
	if err == nil && word != "ok" {
		err = failure(word, log)
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	return nil
}
