package kernel

import (
	"fmt"
	"slices"
	"strings"
)

func cgroupFinding(f Facts) Finding {
	const subject = "cgroups"
	mend := "mount only cgroup2, at /sys/fs/cgroup, at boot"
	if f.Systemd {
		mend = `sed -i 's/^GRUB_CMDLINE_LINUX="/&systemd.unified_cgroup_hierarchy=1 /' /etc/default/grub && update-grub && reboot`
	}
	switch f.Cgroup.Layout {
	case V2:
		return ok(subject, "v2")
	case Hybrid, V1:
		return Finding{subject, Warn, string(f.Cgroup.Layout) + ": works, but containers whose systemd is version 256 or newer refuse to boot on it", mend}
	}
	return Finding{subject, Fail, "not mounted: no container can be started", "mount -t cgroup2 cgroup2 /sys/fs/cgroup"}
}

func controllersFinding(f Facts) Finding {
	const subject = "limits"
	var missing []string
	for _, c := range []string{"cpu", "memory", "pids"} {
		if !slices.Contains(f.Cgroup.Controllers, c) {
			missing = append(missing, c)
		}
	}
	if len(missing) == 0 {
		return ok(subject, "cpu, memory and processes can be limited")
	}
	mend := "boot a kernel with these cgroup controllers"
	if slices.Contains(missing, "memory") {
		mend = `sed -i 's/^GRUB_CMDLINE_LINUX="/&cgroup_enable=memory /' /etc/default/grub && update-grub && reboot`
	}
	return Finding{subject, Warn, "no cgroup controller for " + strings.Join(missing, ", ") + ": such limits will fail", mend}
}

func swapFinding(f Facts) Finding {
	const subject = "swap limits"
	if f.Cgroup.Swap || !slices.Contains(f.Cgroup.Controllers, "memory") {
		return ok(subject, "counted with memory")
	}
	return Finding{subject, Warn, "swap is not counted: a container at its memory limit goes on in swap", `sed -i 's/^GRUB_CMDLINE_LINUX="/&swapaccount=1 /' /etc/default/grub && update-grub && reboot`}
}

// copies is what is lost without an overlay on id-mapped mounts.
const copies = "each unprivileged container takes a copy of its image and system layers, in disk and time, where others share one"

func idmapFinding(f Facts) Finding {
	const subject = "id-mapped mounts"
	switch {
	case !f.SetIDMap:
		return Finding{subject, Warn, "need kernel 5.12, this is " + f.Kernel.Release + ": " + copies + "; and unprivileged ones can't have volumes", "apt-get install linux-image-amd64 && reboot"}
	case !f.OverlayMap:
		return Finding{subject, Warn, "overlay on them needs kernel 5.19, this is " + f.Kernel.Release + ": " + copies, "apt-get install linux-image-amd64 && reboot"}
	}
	return ok(subject, "with overlay on them")
}

func overlayFinding(f Facts) Finding {
	return moduleFinding(f, "overlay", "no overlay file system: containers can't have a root file system")
}

func bridgeFinding(f Facts) Finding {
	for _, name := range []string{"bridge", "veth"} {
		if d := moduleFinding(f, name, "no network for containers"); d.Level != OK {
			return d
		}
	}
	return ok("bridge", "bridge and veth")
}

func moduleFinding(f Facts, name, meaning string) Finding {
	if f.Modules[name] != Absent {
		return ok(name, "%s", f.Modules[name])
	}
	return Finding{name, Fail, "the kernel has no " + name + ": " + meaning, "apt-get install linux-image-amd64 && reboot"}
}

// stateFinding judges the file system under the state folder. Upper layers of
// an overlay need extended attributes and a rename that whites out; the
// id-mapped mount needs FS_ALLOW_IDMAP, which network file systems lack.
func stateFinding(f Facts, h Host) Finding {
	const subject = "state folder"
	m, found := f.At(h.StateDir)
	since, known := map[string][2]int{"ext4": {5, 12}, "xfs": {5, 12}, "btrfs": {5, 15}, "f2fs": {5, 18}, "tmpfs": {6, 3}, "bcachefs": {6, 7}}[m.Type]
	elsewhere := "strake --state-dir FOLDER, one on ext4, xfs or btrfs"
	switch {
	case !found:
		return Finding{subject, Warn, "what file system " + h.StateDir + " is on can't be told", elsewhere}
	case slices.Contains(m.Options, "ro"):
		return Finding{subject, Fail, h.StateDir + " is on a read-only file system", "mount -o remount,rw " + m.Point}
	case known && !f.Kernel.AtLeast(since[0], since[1]):
		return Finding{subject, Warn, fmt.Sprintf("%s can't be id-mapped before kernel %d.%d: %s", m.Type, since[0], since[1], copies), elsewhere}
	case m.Type == "tmpfs":
		return Finding{subject, Warn, h.StateDir + " is in memory: gone at the next boot", elsewhere}
	case known:
		return ok(subject, "%s on %s", h.StateDir, m.Type)
	case m.Type == "nfs", m.Type == "nfs4", m.Type == "cifs", m.Type == "overlay", m.Type == "fuseblk", m.Type == "vfat", m.Type == "9p":
		return Finding{subject, Fail, m.Type + " can't hold containers' root file systems", elsewhere}
	}
	return Finding{subject, Warn, h.StateDir + " is on " + m.Type + ", which is not tested", elsewhere}
}

// sizesFinding judges what holds a bound on space: an ext4 in a file.
func sizesFinding(f Facts) Finding {
	const subject = "sizes"
	const meaning = ": neither rootfs nor a volume can have a size"
	for _, name := range []string{"loop", "ext4"} {
		if f.Modules[name] == Absent {
			return Finding{subject, Warn, "the kernel has no " + name + meaning, "apt-get install linux-image-amd64 && reboot"}
		}
	}
	for _, name := range []string{"mkfs.ext4", "resize2fs"} {
		if f.Tools[name] == "" {
			return Finding{subject, Warn, name + " is missing" + meaning, "apt-get install e2fsprogs"}
		}
	}
	return ok(subject, "of root file systems and volumes can be bounded: each is an ext4 in a file")
}

func nftFinding(f Facts) Finding {
	const subject = "nftables"
	if f.Modules["nf_tables"] == Absent {
		return Finding{subject, Fail, "the kernel has no nf_tables: containers' addresses can't be guarded", "apt-get install linux-image-amd64 && reboot"}
	}
	if f.Tools["nft"] == "" {
		return Finding{subject, Warn, "the nft program is missing: rules can't be looked at", "apt-get install nftables"}
	}
	return ok(subject, "%s", f.Tools["nft"])
}

func forwardFinding(f Facts) Finding {
	const subject = "bridged traffic"
	if f.BridgeCall {
		return Finding{subject, Warn, "goes through iptables' FORWARD chain too: a firewall there (Docker's, for one) drops what containers send each other",
			sysctl("net.bridge.bridge-nf-call-iptables", 0)}
	}
	return ok(subject, "not seen by iptables")
}

func appArmorFinding(f Facts) Finding {
	const subject = "apparmor"
	switch {
	case !f.AppArmor:
		return ok(subject, "not in this kernel: containers run without")
	case f.Tools["apparmor_parser"] == "":
		return Finding{subject, Fail, "apparmor_parser is missing: profiles can't be loaded, containers don't start", "apt-get install apparmor"}
	}
	return ok(subject, "on")
}

func seccompFinding(f Facts) Finding {
	const subject = "seccomp"
	switch {
	case !f.Seccomp:
		return Finding{subject, Warn, "the kernel has no seccomp filters: containers can make every system call", "apt-get install linux-image-amd64 && reboot"}
	case f.Profile == "":
		return Finding{subject, Warn, "liblxc's common.seccomp is missing", "apt-get install lxc"}
	}
	return ok(subject, "%s", f.Profile)
}
