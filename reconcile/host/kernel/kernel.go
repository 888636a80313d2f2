// Package kernel reads what the host's kernel offers to containers and says
// which of it will be in the way, what that means, and the command that mends
// it. It only reads; it changes no setting and runs no program.
package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Facts is what was read. Numbers that the host does not tell are 0.
type Facts struct {
	Kernel     Version
	Cgroup     Cgroup
	AppArmor   bool
	Seccomp    bool // filters
	Namespaces []string
	MaxUserNS  int64 // user.max_user_namespaces
	SetIDMap   bool  // mount_setattr(2) with MOUNT_ATTR_IDMAP: kernel 5.12
	OverlayMap bool  // overlay on such mounts: kernel 5.19
	Inotify    Inotify
	Keys       Keys
	Modules    map[string]Module // overlay, bridge, veth, nf_tables
	BridgeCall bool              // bridged IPv4 goes through iptables' FORWARD too
	Systemd    bool              // as pid 1
	Tools      map[string]string // nft, newuidmap, newgidmap, apparmor_parser: path, where installed
	Profile    string            // liblxc's seccomp profile: path, where installed
	Mounts     []Mount
}

// Version is a kernel version.
type Version struct {
	Major, Minor int
	Release      string // "6.1.0-18-amd64"
}

// AtLeast compares.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// Inotify is the limits of one user. All containers count for host root.
type Inotify struct{ Instances, Watches int64 }

// Keys is the limits of kernel keyrings: of one user other than root.
type Keys struct{ Keys, Bytes int64 }

// Module says how the kernel has a driver.
type Module string

// The ways. A loadable module is loaded by the kernel at first use.
const (
	Present  Module = "present"
	Loadable Module = "loadable"
	Absent   Module = "absent"
)

// Read reads the host through its root folder, os.DirFS("/"). What is not
// there counts as not offered; only without /proc is there an error.
func Read(root fs.FS) (Facts, error) {
	r := reader{root}
	release := r.line("proc/sys/kernel/osrelease")
	v, err := parseVersion(release)
	if err != nil {
		return Facts{}, fmt.Errorf("read kernel version: %w", err)
	}
	mounts := parseMounts(r.text("proc/mounts"))
	f := Facts{
		Kernel:     v,
		Mounts:     mounts,
		Cgroup:     r.cgroup(mounts),
		AppArmor:   r.line("sys/module/apparmor/parameters/enabled") == "Y",
		Seccomp:    r.exists("proc/sys/kernel/seccomp/actions_avail"),
		Namespaces: r.namespaces(),
		MaxUserNS:  r.number("proc/sys/user/max_user_namespaces"),
		SetIDMap:   v.AtLeast(5, 12),
		OverlayMap: v.AtLeast(5, 19),
		Inotify:    Inotify{r.number("proc/sys/fs/inotify/max_user_instances"), r.number("proc/sys/fs/inotify/max_user_watches")},
		Keys:       Keys{r.number("proc/sys/kernel/keys/maxkeys"), r.number("proc/sys/kernel/keys/maxbytes")},
		BridgeCall: r.line("proc/sys/net/bridge/bridge-nf-call-iptables") == "1",
		Systemd:    r.exists("run/systemd/system"), // sd_booted(3)
		Tools:      r.tools("nft", "newuidmap", "newgidmap", "apparmor_parser", "mkfs.ext4", "resize2fs"),
		Profile:    r.first("usr/share/lxc/config/common.seccomp", "usr/local/share/lxc/config/common.seccomp"),
	}
	f.Modules = r.modules(release, "overlay", "bridge", "veth", "nf_tables", "loop", "ext4")
	return f, nil
}

func parseVersion(release string) (Version, error) {
	major, rest, _ := strings.Cut(release, ".")
	minor := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789"))]
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if err := errors.Join(err1, err2); err != nil {
		return Version{}, fmt.Errorf("release %q: %w", release, err)
	}
	return Version{a, b, release}, nil
}
