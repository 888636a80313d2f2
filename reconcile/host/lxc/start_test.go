//go:build linux && cgo

package lxc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

func TestStartStop(t *testing.T) {
	g, name := newGround(t), fresh()
	g.define(container(name))
	if got := g.state(name); got != resource.Stopped {
		t.Fatalf("defined: %s", got)
	}
	must(t, g.Start(t.Context(), name))
	if got := g.state(name); got != resource.Running {
		t.Fatalf("started: %s", got)
	}
	if err := g.Start(t.Context(), name); !errors.Is(err, ErrRunning) {
		t.Errorf("second start: %v", err)
	}
	for range 2 { // at once: everything of the first run is gone
		must(t, g.Stop(t.Context(), name, 20*time.Second))
		must(t, g.Start(t.Context(), name))
	}
	must(t, g.Kill(t.Context(), name))
	if got := g.state(name); got != resource.Stopped {
		t.Errorf("killed: %s", got)
	}
	if err := g.Stop(t.Context(), name, time.Second); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stop of a stopped one: %v", err)
	}
	if err := g.Kill(t.Context(), name); !errors.Is(err, ErrNotRunning) {
		t.Errorf("kill of a stopped one: %v", err)
	}
}

func TestStopKillsWhatDoesNotListen(t *testing.T) {
	g, name := newGround(t), fresh()
	c := container(name)
	c.Image.Halt = "SIGWINCH" // busybox's init takes no notice
	g.up(c)
	if err := g.Stop(t.Context(), name, 300*time.Millisecond); !errors.Is(err, ErrKilled) {
		t.Errorf("stop: %v", err)
	}
	if got := g.state(name); got != resource.Stopped {
		t.Errorf("stopped: %s", got)
	}
}

func TestStopUsesTheRunningSignal(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	next := container(name)
	next.Image.Halt = "SIGWINCH"
	g.define(next) // on disk only
	must(t, g.Stop(t.Context(), name, 20*time.Second))
}

// The kernel drops what an init without a handler gets: a stop waits for one
// that is still busy coming up.
func TestStopWaitsForInit(t *testing.T) {
	g, name := newGround(t), fresh()
	slow := "#!/bin/sh\ni=0; while [ $i -lt 300000 ]; do i=$((i+1)); done\ntrap 'exit 0' USR2; while :; do sleep 1000 & wait; done\n"
	must(t, os.WriteFile(filepath.Join(g.rootfs, "slow"), []byte(slow), 0o755))
	c := container(name)
	c.Raw = map[string]string{"lxc.init.cmd": "/slow"}
	g.up(c)
	must(t, g.Stop(t.Context(), name, 20*time.Second))
}

func TestStopEndsWithItsContext(t *testing.T) {
	g, name := newGround(t), fresh()
	c := container(name)
	c.Image.Halt = "SIGWINCH"
	g.up(c)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := g.Stop(ctx, name, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("stop: %v", err)
	}
	if got := g.state(name); got != resource.Running {
		t.Errorf("after a cancelled stop: %s", got)
	}
}

func TestStartSaysWhy(t *testing.T) {
	g := newGround(t)
	for what, c := range map[string]struct {
		edit func(string) string
		want string
	}{
		"unknown key":  {func(s string) string { return s + "lxc.bogus = 1\n" }, "lxc.bogus"},
		"no such root": {func(s string) string { return strings.ReplaceAll(s, g.rootfs, "/nowhere/at/all") }, "/nowhere/at/all"},
		"hook": {func(s string) string {
			return s + "lxc.hook.pre-start = /bin/sh -c 'echo no bridge today >&2; exit 7'\n"
		}, "no bridge today"},
		"init":   {func(s string) string { return s + "lxc.init.cmd = /bin/nothing\n" }, "/bin/nothing"},
		"cgroup": {func(s string) string { return s + "lxc.cgroup.pids.max = many\nlxc.cgroup2.pids.max = many\n" }, "pids.max"},
	} {
		t.Run(what, func(t *testing.T) {
			name := fresh()
			g.define(container(name))
			file := filepath.Join(g.path, name, "config")
			config, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, []byte(c.edit(string(config))), 0o644))
			err = g.Start(t.Context(), name)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("want %q in %v", c.want, err)
			}
			if got := g.state(name); got != resource.Stopped {
				t.Errorf("after a failed start: %s", got)
			}
			t.Log(err)
		})
	}
	if err := g.Start(t.Context(), fresh()); !errors.Is(err, ErrUndefined) {
		t.Errorf("start of none: %v", err)
	}
}

func TestNames(t *testing.T) {
	g := newGround(t)
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a\x00b"} {
		if err := g.Start(t.Context(), name); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := g.Inspect(t.Context(), name, nil); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestParallelStarts(t *testing.T) {
	g := newGround(t)
	names := make([]string, 20)
	for i := range names {
		names[i] = fmt.Sprintf("%s%d", fresh(), i)
		g.define(container(names[i]))
	}
	each(t, names, func(name string) error { return g.Start(t.Context(), name) })
	states, err := g.States(t.Context())
	must(t, err)
	if len(states) != len(names) {
		t.Errorf("%d states", len(states))
	}
	for name, state := range states {
		if state != resource.Running {
			t.Errorf("%s: %s", name, state)
		}
	}
	each(t, names, func(name string) error { return g.Stop(t.Context(), name, time.Minute) })
}

func TestOneStartOfManyWins(t *testing.T) {
	g, name := newGround(t), fresh()
	g.define(container(name))
	var won, lost int
	var mu sync.Mutex
	each(t, make([]string, 6), func(string) error {
		err := g.Start(t.Context(), name)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won++
		} else {
			lost++
		}
		return nil
	})
	if won != 1 || lost != 5 || g.state(name) != resource.Running {
		t.Errorf("%d won, %d lost, %s", won, lost, g.state(name))
	}
}

func each(t *testing.T, names []string, f func(string) error) {
	t.Helper()
	var all sync.WaitGroup
	for _, name := range names {
		all.Go(func() {
			if err := f(name); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// A caller that dies right after a start leaves the container up.
func TestMonitorOutlivesItsCaller(t *testing.T) {
	if name := os.Getenv("STT_START"); name != "" {
		r, err := Open(Options{Path: os.Getenv("STT_PATH")})
		must(t, err)
		must(t, r.Start(t.Context(), name))
		return
	}
	g, name := newGround(t), fresh()
	g.define(container(name))
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestMonitorOutlivesItsCaller$")
	cmd.Env = append(os.Environ(), "STT_START="+name, "STT_PATH="+g.path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := g.state(name); got != resource.Running {
		t.Fatal(got)
	}
	must(t, g.Stop(t.Context(), name, 20*time.Second))
}

// The monitor is what stays resident of a container: it is small, in a session
// of its own, in the root folder, and holds none of our descriptors.
func TestMonitorIsSmallAndClean(t *testing.T) {
	g, name := newGround(t), fresh()
	leak, err := os.OpenFile(filepath.Join(g.path, "leak"), os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	defer leak.Close()
	again, err := unix.Dup(int(leak.Fd())) // open over exec
	must(t, err)
	defer unix.Close(again)
	ballast := bytes.Repeat([]byte("x"), 64<<20)
	g.up(container(name))
	seen, err := g.Inspect(t.Context(), name, nil)
	must(t, err)
	monitor := parent(t, seen.Init)
	if kb := privateDirty(t, monitor); kb > 1024 {
		t.Errorf("monitor has %d kB of its own", kb)
	}
	if cwd, _ := os.Readlink(fmt.Sprintf("/proc/%d/cwd", monitor)); cwd != "/" {
		t.Errorf("monitor is in %s", cwd)
	}
	if parent(t, monitor) == os.Getpid() {
		t.Error("monitor is our child")
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", monitor))
	must(t, err)
	for _, fd := range fds {
		to, _ := os.Readlink(fd)
		if to == leak.Name() || strings.HasPrefix(to, "pipe:") || strings.Contains(to, "strake-request") {
			t.Errorf("monitor holds %s", to)
		}
	}
	_ = ballast[len(ballast)-1]
}

func parent(t *testing.T, pid int) int {
	p, err := openProcess(pid)
	must(t, err)
	defer p.close()
	id, _, err := p.stat()
	must(t, err)
	return id
}

func privateDirty(t *testing.T, pid int) int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "Private_Dirty:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	must(t, err)
	return kb
}

// What the monitor logs later is dropped, or a container that reboots itself
// for ever would fill the memory.
func TestLogIsSealed(t *testing.T) {
	f, err := memory("log", "some text")
	must(t, err)
	defer f.Close()
	must(t, hush(f))
	if _, err := f.WriteAt([]byte("x"), 0); err == nil {
		t.Error("the log grows on")
	}
	if info, err := f.Stat(); err != nil || info.Size() != 0 {
		t.Error("the log is not empty", err)
	}
}
