//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"strake/reconcile/resource"
	"strake/reconcile/watch"
)

// WatchInits tells when the init of a container ends, and when what liblxc reads of
// it on disk changes. It watches none before follow says which.
func (r *Runtime) WatchInits(ctx context.Context, tell func(resource.Notice)) (follow func(ctx context.Context, names []string) ([]resource.Process, error), err error) {
	w := &watcher{r: r, ctx: ctx, tell: tell, inits: map[string]resource.Process{}, names: map[string]string{}}
	if w.files, err = watch.NewFiles(w.changed); err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { w.files.Close() })
	return w.follow, nil
}

type watcher struct {
	r     *Runtime
	ctx   context.Context
	tell  func(resource.Notice)
	files *watch.Files

	mu    sync.Mutex
	inits map[string]resource.Process
	names map[string]string // of containers, by the folders that are theirs
}

// changed hears of a folder. What liblxc and strake write beside is nobody's
// configuration.
func (w *watcher) changed(folder, name string) {
	w.mu.Lock()
	container := w.names[folder]
	w.mu.Unlock()
	switch {
	case folder == "":
		w.tell(resource.Notice{})
	case container != "" && (name == "" || name == "config" || filepath.Ext(name) == ".conf"):
		w.tell(resource.Notice{Container: container})
	}
}

// follow watches these containers and no others, and tells which processes the
// inits are of those that are up.
func (w *watcher) follow(ctx context.Context, names []string) ([]resource.Process, error) {
	folders := make(map[string]string, 2*len(names))
	for _, name := range names {
		d, _, err := w.r.Definition(name)
		if err != nil {
			return nil, err
		}
		folders[filepath.Dir(w.r.config(name))] = name
		if d.Include != "" {
			folders[filepath.Dir(d.Include)] = name
		}
	}
	w.mu.Lock()
	w.names = folders
	w.mu.Unlock()
	list := make([]string, 0, len(folders))
	for folder := range folders {
		list = append(list, folder)
	}
	if err := w.files.Keep(list); err != nil {
		return nil, err
	}
	return w.followInits(ctx, names)
}

func (w *watcher) followInits(ctx context.Context, names []string) ([]resource.Process, error) {
	up, err := w.r.sockets()
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	var inits []resource.Process
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if socket := w.r.socket(name); len(socket) <= maxSocket && !up[socket] {
			continue
		}
		init, err := w.init(name)
		if errors.Is(err, ErrNotRunning) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("watch %s: %w", name, err)
		}
		inits = append(inits, init)
	}
	return inits, nil
}

// init watches the init that a container has now. One that is watched already
// has not ended.
func (w *watcher) init(name string) (resource.Process, error) {
	w.mu.Lock()
	known, ok := w.inits[name]
	w.mu.Unlock()
	if ok {
		return known, nil
	}
	c, err := w.r.handle(name)
	if err != nil {
		return known, err
	}
	defer c.Release()
	pidfd, err := c.InitPidFd()
	if err != nil {
		return known, ErrNotRunning
	}
	// The number is asked for behind the descriptor: where it is another's by
	// now, the descriptor tells of the end at once.
	init := resource.Process{Container: name, PID: c.InitPid()}
	if init.PID <= 0 {
		pidfd.Close()
		return known, ErrNotRunning
	}
	w.mu.Lock()
	w.inits[name] = init
	w.mu.Unlock()
	return init, watch.Exit(w.ctx, pidfd, func() {
		w.mu.Lock()
		delete(w.inits, name)
		w.mu.Unlock()
		w.tell(resource.Notice{Container: name})
	})
}
