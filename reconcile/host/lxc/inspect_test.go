//go:build linux && cgo

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

func TestInspect(t *testing.T) {
	g := newGround(t)
	c := container(fresh())
	c.Hostname = "inside"
	c.Limits = resource.Limits{Memory: 64 << 20, CPU: 1500, Processes: 77}
	c.Environment = map[string]string{"A": "two words", "B": "1=2"}
	g.define(c)
	seen, err := g.Inspect(t.Context(), c.Name, nil)
	must(t, err)
	if seen.State != resource.Stopped || seen.Init != 0 {
		t.Errorf("before the start: %+v", seen)
	}
	must(t, g.Start(t.Context(), c.Name))
	seen, err = g.Inspect(t.Context(), c.Name, []string{"lxc.uts.name", "lxc.idmap", "lxc.bogus"})
	must(t, err)
	if seen.State != resource.Running || seen.Init == 0 || seen.Started == 0 {
		t.Errorf("run: %+v", seen)
	}
	if seen.Hostname != "inside" || seen.IDMap != c.IDMap || seen.Limits != c.Limits {
		t.Errorf("seen: %+v", seen)
	}
	if seen.Environ["A"] != "two words" || seen.Environ["B"] != "1=2" || seen.Environ["container"] != "lxc" {
		t.Errorf("environ: %q", seen.Environ)
	}
	if seen.Items["lxc.uts.name"] != "inside" || seen.Items["lxc.idmap"] != "u 0 1500000 65536\ng 0 1500000 65536" || seen.Items["lxc.bogus"] != "" {
		t.Errorf("items: %q", seen.Items)
	}
	must(t, g.Stop(t.Context(), c.Name, 20*time.Second))
	must(t, g.Start(t.Context(), c.Name))
	again, err := g.Inspect(t.Context(), c.Name, nil)
	must(t, err)
	if again.Started == seen.Started && again.Init == seen.Init {
		t.Error("two runs look the same")
	}
}

func TestInspectPrivileged(t *testing.T) {
	g := newGround(t)
	c := container(fresh())
	c.IDMap = resource.IDMap{Privileged: true}
	g.up(c)
	seen, err := g.Inspect(t.Context(), c.Name, nil)
	must(t, err)
	if seen.IDMap != c.IDMap {
		t.Errorf("%+v", seen.IDMap)
	}
}

// A broken configuration on disk does not hide what runs.
func TestInspectBrokenConfig(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	must(t, os.WriteFile(filepath.Join(g.path, name, "config"), []byte("not a line\n"), 0o644))
	seen, err := g.Inspect(t.Context(), name, []string{"lxc.uts.name"})
	must(t, err)
	if seen.State != resource.Running || seen.Items["lxc.uts.name"] != name {
		t.Errorf("%+v", seen)
	}
	must(t, g.Stop(t.Context(), name, 20*time.Second))
}

func TestFreeze(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	for range 2 {
		must(t, g.Freeze(t.Context(), name))
	}
	seen, err := g.Inspect(t.Context(), name, nil)
	must(t, err)
	if seen.State != resource.Frozen || g.state(name) != resource.Frozen {
		t.Errorf("frozen: %s, %s", seen.State, g.state(name))
	}
	for range 2 {
		must(t, g.Unfreeze(t.Context(), name))
	}
	if got := g.state(name); got != resource.Running {
		t.Errorf("thawed: %s", got)
	}
	must(t, g.Freeze(t.Context(), name))
	must(t, g.Stop(t.Context(), name, 20*time.Second))
	must(t, g.Start(t.Context(), name))
	must(t, g.Freeze(t.Context(), name))
	must(t, g.Kill(t.Context(), name))
	if err := g.Freeze(t.Context(), name); !errors.Is(err, ErrNotRunning) {
		t.Errorf("freeze of a stopped one: %v", err)
	}
}

func TestSetHostname(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	before, err := os.Hostname()
	must(t, err)
	must(t, g.SetHostname(t.Context(), name, "other"))
	seen, err := g.Inspect(t.Context(), name, nil)
	must(t, err)
	after, err := os.Hostname()
	must(t, err)
	if seen.Hostname != "other" || before != after {
		t.Errorf("inside %s, outside %s and then %s", seen.Hostname, before, after)
	}
}

func TestSetLimits(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	var now resource.Limits
	for _, next := range []resource.Limits{
		{Memory: 64 << 20},
		{Memory: 128 << 20, CPU: 250},
		{Memory: 32 << 20, CPU: 2000, Processes: 50},
		{Processes: 60},
		{},
		{Memory: 64 << 20, CPU: 10, Processes: 1},
	} {
		must(t, g.SetLimits(t.Context(), name, now, next))
		seen, err := g.Inspect(t.Context(), name, nil)
		must(t, err)
		if seen.Limits != next {
			t.Errorf("have %+v, want %+v", seen.Limits, next)
		}
		now = next
	}
}

func TestLimitBelowUseIsRefused(t *testing.T) {
	g, name := newGround(t), fresh()
	g.up(container(name))
	fill := "mount -t tmpfs none /tmp && dd if=/dev/zero of=/tmp/x bs=1M count=40 2>/dev/null"
	code, err := g.Runtime.Run(t.Context(), name, Command{Args: []string{"/bin/sh", "-c", fill}})
	if err != nil || code != 0 {
		t.Fatal(code, err)
	}
	high := resource.Limits{Memory: 256 << 20}
	must(t, g.SetLimits(t.Context(), name, resource.Limits{}, high))
	err = g.SetLimits(t.Context(), name, high, resource.Limits{Memory: 8 << 20})
	if !errors.Is(err, unix.EBUSY) {
		t.Errorf("far below use: %v", err)
	}
	seen, err := g.Inspect(t.Context(), name, nil)
	must(t, err)
	if seen.Limits != high {
		t.Errorf("after a refusal: %+v", seen.Limits)
	}
}

func TestStatesOfLongPaths(t *testing.T) {
	g, name := newGround(t), fresh()
	long := filepath.Join(g.path, strings.Repeat("long-", 25))
	must(t, os.MkdirAll(long, 0o711))
	r, err := Open(Options{Path: long})
	must(t, err)
	g.Runtime, g.path = r, long
	g.up(container(name))
	if got := g.state(name); got != resource.Running {
		t.Error(got)
	}
}

func TestStatesOfNothing(t *testing.T) {
	r, err := Open(Options{Path: filepath.Join(t.TempDir(), "none")})
	must(t, err)
	states, err := r.States(t.Context())
	if err != nil || len(states) != 0 {
		t.Error(states, err)
	}
	if _, err := Open(Options{Path: "relative"}); err == nil {
		t.Error("a relative path is taken")
	}
}
