//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"strake/reconcile/resource"
)

// Run executes a command in a container that is up and returns its exit code,
// 128+n if signal n ended it, 127 if there is no such program, 126 if it can't
// be executed. The command is in the container's cgroups, without the host's
// terminal, descriptors and environment. When ctx ends it gets SIGTERM and,
// 5 s later, SIGKILL.
func (r *Runtime) Run(ctx context.Context, name string, c Command) (exit int, err error) {
	if err := checkCommand(name, c); err != nil {
		return 0, fmt.Errorf("run in %s: %w", name, err)
	}
	if err := r.awake(name); err != nil {
		return 0, fmt.Errorf("run in %s: %w", name, err)
	}
	if c.TTY {
		exit, err = r.runTTY(ctx, name, c)
	} else {
		exit, err = r.attach(ctx, name, c)
	}
	if err != nil {
		return 0, fmt.Errorf("run in %s: %w", name, err)
	}
	return exit, nil
}

// awake refuses a frozen container: a command would stand still with all
// others, and whoever waits for it too.
func (r *Runtime) awake(name string) error {
	l, err := r.live(name)
	if err != nil {
		return err
	}
	defer l.close()
	frozen, err := r.isFrozen(l)
	if err == nil && frozen {
		err = resource.ErrFrozen
	}
	return err
}

func checkCommand(name string, c Command) error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return errors.New("no command")
	}
	for _, word := range append(environ(c.Env), append(c.Args, c.Dir)...) {
		if strings.ContainsRune(word, 0) {
			return fmt.Errorf("NUL in %q", word)
		}
	}
	return checkName(name)
}

func environ(env map[string]string) []string {
	list := []string{"container=lxc"}
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if key != "container" {
			list = append(list, key+"="+env[key])
		}
	}
	return list
}

func (r *Runtime) attach(ctx context.Context, name string, c Command) (int, error) {
	h := helper{request: r.request(name, c), stdio: [3]*os.File{c.Stdin, c.Stdout, c.Stderr}}
	word, log, err := h.call(ctx)
	if err != nil {
		return 0, err
	}
	code, ok := strings.CutPrefix(word, "exit ")
	if !ok {
		return 0, failure(word, log)
	}
	return strconv.Atoi(code)
}

// request is what helper.c reads.
func (r *Runtime) request(name string, c Command) []string {
	dir, uid, gid, tty := c.Dir, "0", "0", "0"
	if dir == "" {
		dir = "/"
	}
	if c.User != nil {
		uid, gid = strconv.FormatUint(uint64(c.User.UID), 10), strconv.FormatUint(uint64(c.User.GID), 10)
	}
	if c.TTY {
		tty = "1"
	}
	words := []string{"run", r.path, name, dir, uid, gid, tty, strconv.Itoa(len(c.Args))}
	return slices.Concat(words, c.Args, environ(c.Env))
}
