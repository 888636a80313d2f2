package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"strake/reconcile/host/lxc"
	"strake/reconcile/resource"
)

// Bounds that every container has, whoever makes it.
const (
	memory = 256 << 20
	cpu    = 1000 // thousandths of a core
	pids   = 400
)

// bridge is what the prepared containers and LXD's are on.
const bridge = "stbench0"

// floor is LXC itself: containers that are only to be started.
type floor struct {
	path string // LXC's
	env  lxc.Environment
	made int
}

func newFloor(dir string) (*floor, error) {
	f := &floor{path: filepath.Join(dir, "lxc")}
	if err := os.Mkdir(f.path, 0o711); err != nil {
		return nil, err
	}
	for _, args := range [][]string{
		{"link", "set", "lo", "up"},
		{"link", "add", bridge, "type", "bridge"},
		{"address", "add", "10.112.0.1/16", "dev", bridge},
		{"link", "set", bridge, "up"},
	} {
		if err := quiet(exec.Command("ip", args...)); err != nil {
			return nil, err
		}
	}
	var err error
	f.env, err = lxc.Probe()
	return f, err
}

// prepare makes a container with a root filesystem of its own and the
// configuration that strake would render, without strake's hook.
func (f *floor) prepare(name, tree string, img resource.Image) error {
	f.made++
	dir := filepath.Join(f.path, name)
	base := 1000000 + f.made*65536
	if err := os.Mkdir(dir, 0o711); err != nil {
		return err
	}
	if err := copyTree(tree, filepath.Join(dir, "rootfs"), base); err != nil {
		return err
	}
	e := f.env
	e.RootFS = filepath.Join(dir, "rootfs")
	e.LogFile, e.ConsoleLog = filepath.Join(dir, "lxc.log"), filepath.Join(dir, "console.log")
	text, err := lxc.Render(resource.Container{
		Name: name, Hostname: name, Image: img,
		IDMap:  resource.IDMap{Base: uint32(base), Size: 65536},
		Limits: resource.Limits{Memory: memory, CPU: cpu, Processes: pids},
		NICs: []resource.NIC{{
			Name: "eth0", Bridge: bridge, Device: fmt.Sprintf("stbv%d", f.made),
			MAC:  fmt.Sprintf("02:53:54:00:%02x:%02x", f.made>>8, f.made&255),
			IPv4: fmt.Sprintf("10.112.%d.%d/16", 1+f.made>>8, f.made&255), Gateway4: "10.112.0.1",
		}},
	}, e)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "config"), []byte(text), 0o644)
}

func (f *floor) prepareMany(n int, tree string, img resource.Image) ([]string, error) {
	var names []string
	for i := range n {
		name := fmt.Sprintf("%sf%03d", prefix, i)
		if err := f.prepare(name, tree, img); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// start times lxc-start for one container after the other.
func (f *floor) start(names ...string) (time.Duration, error) {
	var sum time.Duration
	for _, name := range names {
		u, err := timed(exec.Command("lxc-start", "-P", f.path, "-n", name))
		if err != nil {
			return 0, err
		}
		sum += u.wall
	}
	return sum, nil
}

// restart times lxc-stop, with more arguments, and lxc-start.
func (f *floor) restart(name string, args ...string) (time.Duration, error) {
	u, err := timed(exec.Command("lxc-stop", append([]string{"-P", f.path, "-n", name}, args...)...))
	if err != nil {
		return 0, err
	}
	start, err := f.start(name)
	return u.wall + start, err
}

// allRun fails where not exactly n containers of an LXC path run.
func allRun(path string, n int) error {
	u, err := timed(exec.Command("lxc-ls", "--running", "-1", "-P", path))
	if found := len(strings.Fields(u.out)); err == nil && found != n {
		err = fmt.Errorf("%d of %d run", found, n)
	}
	return err
}

// booted waits until systemd has started everything. Before that, a stop is
// not what people would measure.
func booted(path, name string) error {
	return until(name+" boots", 60*time.Second, func() bool {
		return isBooted(exec.Command("lxc-attach", "-P", path, "-n", name, "--clear-env", "--", "/bin/systemctl", "is-system-running"))
	})
}

func isBooted(ask *exec.Cmd) bool {
	out, _ := ask.Output() // "degraded" is an exit code of 1
	word := strings.TrimSpace(string(out))
	return word == "running" || word == "degraded"
}

// lsFancy times what LXC's own tools have for a look at everything.
func lsFancy(path string) (time.Duration, error) {
	u, err := timed(exec.Command("lxc-ls", "-f", "-P", path))
	return u.wall, err
}
