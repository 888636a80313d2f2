//go:build linux

package lxc

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// seccompProfile is the profile that comes with LXC: no kexec, no module
// loading, no open by handle, no forced unmount.
const seccompProfile = "/usr/share/lxc/config/common.seccomp"

// Probe fills in what is the host's own part of an Environment.
func Probe() (Environment, error) {
	groups, err := findCgroups()
	if err != nil {
		return Environment{}, err
	}
	e := Environment{CgroupV2: groups.v2(), Swap: groups.countsSwap(), AppArmor: hasAppArmor()}
	if _, err := os.Stat(seccompProfile); err == nil {
		e.Seccomp = seccompProfile
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		e.Arch = unix.ByteSliceToString(name.Machine[:])
	}
	return e, nil
}

func hasAppArmor() bool {
	text, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && strings.TrimSpace(string(text)) == "Y"
}

// countsSwap looks for the file of swap: v1 has it in the root, cgroup2 only
// below.
func (c cgroups) countsSwap() bool {
	if mount := c.legacy["memory"]; mount != "" {
		return control{dir: mount}.has("memory.memsw.limit_in_bytes")
	}
	found, err := filepath.Glob(filepath.Join(c.unified, "*", "memory.swap.max"))
	return err == nil && len(found) > 0
}
