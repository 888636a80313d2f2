//go:build linux

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// cgroups says where the hierarchies of this host are mounted.
type cgroups struct {
	unified string            // mount point of cgroup2, "" if none
	legacy  map[string]string // mount point by v1 controller
}

func findCgroups() (cgroups, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return cgroups{}, fmt.Errorf("find cgroups: %w", err)
	}
	return parseCgroups(string(text)), nil
}

// parseCgroups reads mountinfo, whose lines are (proc(5)):
//
//	36 35 98:0 / /mountpoint rw,noatime master:1 - type source options
func parseCgroups(mountinfo string) cgroups {
	c := cgroups{legacy: map[string]string{}}
	for line := range strings.Lines(mountinfo) {
		mount, super, _ := strings.Cut(line, " - ")
		m, s := strings.Fields(mount), strings.Fields(super)
		if len(m) < 5 || len(s) < 3 || m[3] != "/" {
			continue
		}
		switch s[0] {
		case "cgroup2":
			c.unified = m[4]
		case "cgroup":
			for controller := range strings.SplitSeq(s[2], ",") {
				c.legacy[controller] = m[4]
			}
		}
	}
	return c
}

// v2 says that controllers are to be had from cgroup2 alone.
func (c cgroups) v2() bool { return len(c.legacy) == 0 && c.unified != "" }

// control is one controller of one container. dir is "" where the host has no
// such controller.
type control struct {
	dir string
	v2  bool
}

// of finds a controller's folder of a container from what the kernel says of
// its init (text is /proc/PID/cgroup).
func (c cgroups) of(controller, text string) control {
	mount, v2 := c.legacy[controller], false
	if mount == "" {
		mount, v2 = c.unified, true
	}
	for line := range strings.Lines(text) {
		_, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		names, path, _ := strings.Cut(rest, ":")
		own := slices.Contains(strings.Split(names, ","), controller)
		if v2 {
			own = names == ""
		}
		if own && mount != "" {
			return control{filepath.Join(mount, payload(path)), v2}
		}
	}
	return control{}
}

// payload cuts a path off after liblxc's own component, "lxc.payload.NAME" with
// a number behind it if an earlier one was left over: an init may go deeper,
// systemd's is in init.scope.
func payload(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "lxc.payload.") {
			return strings.Join(parts[:i+1], "/")
		}
	}
	return strings.TrimSuffix(path, "/init.scope") // lxc.cgroup.dir is set
}

func (c control) read(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if errors.Is(err, unix.ENODEV) {
		return "", ErrNotRunning
	}
	return strings.TrimSpace(string(text)), err
}

func (c control) write(file, value string) error {
	f, err := os.OpenFile(filepath.Join(c.dir, file), os.O_WRONLY|os.O_TRUNC, 0) // never O_CREATE
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(value)
	return err
}

func (c control) has(file string) bool {
	_, err := os.Stat(filepath.Join(c.dir, file))
	return err == nil
}

// number reads a value where "max", -1 and v1's largest multiple of a page
// are no limit, and so is a host without the controller.
func (c control) number(file string) (int64, error) {
	if c.dir == "" {
		return 0, nil
	}
	text, err := c.read(file)
	if errors.Is(err, fs.ErrNotExist) && c.v2 {
		return 0, nil // the controller is not enabled
	}
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", file, err)
	}
	return limit(text)
}

func limit(text string) (int64, error) {
	if text == "max" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read limit: %w", err)
	}
	if n < 0 || n >= 1<<62 {
		return 0, nil
	}
	return n, nil
}

// limits reads what is in force, from init's /proc/PID/cgroup.
func (c cgroups) limits(text string) (l resource.Limits, err error) {
	if l.Memory, err = c.of("memory", text).number(memoryFile(c.of("memory", text))); err != nil {
		return l, err
	}
	if l.Processes, err = c.of("pids", text).number("pids.max"); err != nil {
		return l, err
	}
	l.CPU, err = c.of("cpu", text).cores()
	return l, err
}

func memoryFile(c control) string {
	if c.v2 {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

// cores is quota / period in thousandths of a core.
func (c control) cores() (int64, error) {
	if !c.v2 {
		return c.coresV1()
	}
	text, err := c.read("cpu.max")
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	quota, period, _ := strings.Cut(text, " ")
	if err != nil || quota == "max" {
		return 0, err
	}
	return share(quota, period)
}

func (c control) coresV1() (int64, error) {
	if c.dir == "" {
		return 0, nil
	}
	quota, err := c.read("cpu.cfs_quota_us")
	if err != nil || strings.HasPrefix(quota, "-") {
		return 0, err
	}
	period, err := c.read("cpu.cfs_period_us")
	if err != nil {
		return 0, err
	}
	return share(quota, period)
}

func share(quota, period string) (int64, error) {
	q, err := strconv.ParseInt(quota, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read cpu quota: %w", err)
	}
	p, err := strconv.ParseInt(period, 10, 64)
	if err != nil || p <= 0 {
		return 0, fmt.Errorf("read cpu period %q: not a number of microseconds", period)
	}
	return (q*1000 + p/2) / p, nil
}

// frozen says whether the freezer holds the container.
func (c cgroups) frozen(text string) (bool, error) {
	freezer := c.of("freezer", text)
	file, value := "freezer.state", "FROZEN"
	if freezer.v2 {
		file, value = "cgroup.freeze", "1"
	}
	if freezer.dir == "" {
		return false, nil
	}
	state, err := freezer.read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return state == value, err
}
