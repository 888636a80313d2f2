//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"strake/reconcile/resource"
)

// States lists every container with a configuration in the path, and those
// that run without one. Which of them run is told by one look at the command
// sockets of all.
func (r *Runtime) States(ctx context.Context) (map[string]resource.State, error) {
	entries, err := os.ReadDir(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]resource.State{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	up, err := r.sockets()
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	names := r.names(up)
	for _, e := range entries {
		if r.defined(e.Name()) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool { return checkName(name) != nil })
	states, err := r.quickStates(ctx, names, up)
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return states, nil
}

// askers is how many monitors are asked at a time: what is waited for is mostly
// theirs to do.
const askers = 4

func (r *Runtime) quickStates(ctx context.Context, names []string, up map[string]bool) (map[string]resource.State, error) {
	states, errs := make([]resource.State, len(names)), make([]error, len(names))
	var group sync.WaitGroup
	for from := range askers {
		group.Go(func() {
			for i := from; i < len(names); i += askers {
				states[i], errs[i] = r.quickState(ctx, names[i], up)
			}
		})
	}
	group.Wait()
	all := make(map[string]resource.State, len(names))
	for i, name := range names {
		all[name] = states[i]
	}
	return all, errors.Join(errs...)
}

// names are the containers that have a command socket: a monitor outlives its
// configuration.
func (r *Runtime) names(up map[string]bool) []string {
	var list []string
	for socket := range up {
		name, ok := strings.CutSuffix(strings.TrimPrefix(socket, r.path+"/"), "/command")
		if ok && !strings.Contains(name, "/") {
			list = append(list, name)
		}
	}
	return list
}

// quickState asks liblxc only about what is up: it may be frozen or on its
// way up or down.
func (r *Runtime) quickState(ctx context.Context, name string, up map[string]bool) (resource.State, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	socket := r.socket(name)
	if len(socket) <= maxSocket && !up[socket] {
		return resource.Stopped, nil
	}
	c, err := r.handle(name)
	if err != nil {
		return "", err
	}
	defer c.Release()
	return resource.State(c.State().String()), nil
}

func (r *Runtime) defined(name string) bool {
	_, err := os.Stat(filepath.Join(r.path, name, "config"))
	return err == nil
}

// maxSocket is the longest name of a command socket that liblxc writes out;
// beyond it there is a hash (sun_path is 108 bytes, the first is NUL).
const maxSocket = 106

func (r *Runtime) socket(name string) string { return r.path + "/" + name + "/command" }

// sockets is the set of all abstract sockets of this network namespace. Lines
// of /proc/net/unix end in the path, "@" for the NUL in front.
func (r *Runtime) sockets() (map[string]bool, error) {
	text, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if _, name, ok := strings.Cut(line, " @"); ok && strings.HasPrefix(name, r.path) {
			found[strings.TrimSuffix(name, "\n")] = true
		}
	}
	return found, nil
}
