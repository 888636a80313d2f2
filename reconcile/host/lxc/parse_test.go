//go:build linux

package lxc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

const mounts = `25 30 0:23 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
26 25 0:24 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw
27 25 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
28 25 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
29 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
`

func TestCgroupPaths(t *testing.T) {
	hybrid := parseCgroups(mounts)
	unified := parseCgroups("26 25 0:24 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n")
	if hybrid.v2() || !unified.v2() {
		t.Error("layouts are mixed up")
	}
	text := "4:memory:/lxc.payload.c1-2/system.slice/x\n3:cpu,cpuacct:/lxc.payload.c1-2\n0::/lxc.payload.c1-2/init.scope\n"
	for _, c := range []struct {
		groups     cgroups
		controller string
		want       control
	}{
		{hybrid, "memory", control{"/sys/fs/cgroup/memory/lxc.payload.c1-2", false}},
		{hybrid, "cpuacct", control{"/sys/fs/cgroup/cpu,cpuacct/lxc.payload.c1-2", false}},
		{hybrid, "pids", control{"/sys/fs/cgroup/unified/lxc.payload.c1-2", true}},
		{unified, "memory", control{"/sys/fs/cgroup/lxc.payload.c1-2", true}},
		{cgroups{}, "memory", control{}},
	} {
		if got := c.groups.of(c.controller, text); got != c.want {
			t.Errorf("%s: %+v", c.controller, got)
		}
	}
	for path, want := range map[string]string{
		"/a/lxc.payload.x/lxc.payload.y": "/a/lxc.payload.x", // the inner one is the container's own doing
		"/own/dir/init.scope":            "/own/dir",
		"/own/dir":                       "/own/dir",
	} {
		if got := payload(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestOwnCgroup(t *testing.T) {
	text := "4:memory:/a\n3:cpu,cpuacct:/b\n1:name=systemd:/c\n0::/d e\n"
	for _, c := range []struct {
		groups cgroups
		want   string
	}{
		{parseCgroups(mounts), "/sys/fs/cgroup/unified/d e"},
		{cgroups{legacy: map[string]string{"cpu": "/cg/cpu"}}, "/cg/cpu/b"},
		{cgroups{}, ""},
	} {
		if got := c.groups.own(text); got != c.want {
			t.Errorf("%+v: %q, want %q", c.groups, got, c.want)
		}
	}
}

// TestWarmMovesNothing: who speeds starts up stays in its cgroups.
func TestWarmMovesNothing(t *testing.T) {
	groups, err := findCgroups()
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	if own := groups.own(string(before)); own == "" {
		t.Fatal("this host has no cgroups")
	} else if err := (control{dir: own}).write("cgroup.procs", "0"); err != nil {
		t.Error("what Warm writes is refused:", err)
	}
	during, cool := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cool()
	(&Runtime{cgroups: groups}).Warm(during)
	if after, err := os.ReadFile("/proc/self/cgroup"); err != nil || string(after) != string(before) {
		t.Errorf("%v: %s became %s", err, before, after)
	}
}

func TestIDMaps(t *testing.T) {
	for text, want := range map[string]resource.IDMap{
		"         0    1000000      65536\n":                     {Base: 1000000, Size: 65536},
		"         0          0 4294967295\n":                     {Privileged: true},
		"      1000       1000          1\n   0 200000   1000\n": {Base: 200000, Size: 1000},
	} {
		if got, err := parseIDMap(text); err != nil || got != want {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x y z\n", "5 6 7\n"} {
		if _, err := parseIDMap(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestAttention(t *testing.T) {
	for status, want := range map[string]attention{
		"State:\tS (sleeping)\nSigBlk:\t0000000000000800\nSigCgt:\t0000000000000000\n": hears,
		"State:\tR (running)\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000000800\n":  hears,
		"State:\tS (sleeping)\nSigBlk:\t0000000000000400\nSigCgt:\t0000000000001000\n": sleeps,
		"State:\tR (running)\nSigBlk:\t0000000000000400\nSigCgt:\t0000000000001000\n":  busy,
	} {
		if got, err := parseAttention(status, int(unix.SIGUSR2)); err != nil || got != want {
			t.Errorf("%q: %d %v", status, got, err)
		}
	}
}

// A host with cgroup2 alone, of plain files.
func TestUnifiedLimits(t *testing.T) {
	dir := t.TempDir()
	group := filepath.Join(dir, "lxc.payload.c1")
	files := map[string]string{
		"memory.max": "max\n", "memory.swap.max": "max\n", "memory.current": "50000000\n",
		"pids.max": "max\n", "cpu.max": "max 100000\n", "cgroup.freeze": "0\n",
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(group, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c, text := cgroups{unified: dir}, "0::/lxc.payload.c1/init.scope\n"
	if got, err := c.limits(text); err != nil || got != (resource.Limits{}) {
		t.Errorf("none: %+v %v", got, err)
	}
	want := resource.Limits{Memory: 64 << 20, CPU: 1250, Processes: 30}
	if err := c.change(text, resource.Limits{}, want); err != nil {
		t.Fatal(err)
	}
	if got, err := c.limits(text); err != nil || got != want {
		t.Errorf("have %+v %v", got, err)
	}
	low := want
	low.Memory = 1 << 20
	if err := c.change(text, want, low); !errors.Is(err, unix.EBUSY) {
		t.Errorf("below use: %v", err)
	}
	if got, _ := c.limits(text); got != want {
		t.Errorf("after a refusal: %+v", got)
	}
	if frozen, err := c.frozen(text); frozen || err != nil {
		t.Error(frozen, err)
	}
	_, err := os.Stat(filepath.Join(group, "memory.reclaim"))
	if err == nil {
		t.Error("a cgroup file was made")
	}
}

// Of v1's two limits both are changed or none.
func TestHalfALimitIsUndone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "memory.limit_in_bytes")
	if err := os.WriteFile(file, []byte("4096000\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "memory.memsw.limit_in_bytes"), 0o755); err != nil { // can't be written
		t.Fatal(err)
	}
	c := control{dir: dir}
	if err := c.setMemory(1024000); !errors.Is(err, unix.EISDIR) {
		t.Errorf("set: %v", err)
	}
	if text, _ := c.read("memory.limit_in_bytes"); text != "4096000" {
		t.Errorf("left at %s", text)
	}
}

func TestReasons(t *testing.T) {
	log := `strake c1 20261122032206.135 ERROR    start - ../src/lxc/start.c:f:1 - First
strake c1 20261122032206.136 DEBUG    utils - ../src/lxc/utils.c:run_buffer:560 - Script exec /x produced output: no bridge

strake c1 20261122032206.137 WARN     conf - ../src/lxc/conf.c:f:2 - Harmless
strake c1 20261122032206.138 ERROR    start - ../src/lxc/start.c:f:3 - First
not a log line
`
	if got := reasons([]byte(log)); got != "First; no bridge" {
		t.Errorf("%q", got)
	}
}
