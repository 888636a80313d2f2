package kernel

import (
	"fmt"
	"slices"
	"strings"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warn" // something works less well, or not with many containers
	Fail Level = "fail" // containers can't be made
)

// Finding is one line of a diagnosis.
type Finding struct {
	Subject string `json:"subject"`
	Level   Level  `json:"level"`
	Meaning string `json:"meaning"`
	Mend    string `json:"mend,omitempty"` // the command that mends it
}

// Host is what the diagnosis needs to know beside the kernel.
type Host struct {
	LXC        string // liblxc's version, "5.0.2"; "" where it is missing
	SubUIDs    uint64 // ids that /etc/subuid gives to root
	SubGIDs    uint64
	StateDir   string // absolute
	Containers int    // how many there will be; 0: 100
}

// Findings is the diagnosis, in a fixed order, one line for each subject.
func Findings(f Facts, h Host) []Finding {
	if h.Containers == 0 {
		h.Containers = 100
	}
	return []Finding{
		kernelFinding(f), lxcFinding(h), cgroupFinding(f), controllersFinding(f), swapFinding(f),
		namespacesFinding(f), idmapFinding(f), overlayFinding(f), stateFinding(f, h), sizesFinding(f),
		subidFinding(f, h), nftFinding(f), bridgeFinding(f), forwardFinding(f),
		appArmorFinding(f), seccompFinding(f), inotifyFinding(f, h), keysFinding(f, h),
	}
}

func ok(subject, meaning string, args ...any) Finding {
	return Finding{subject, OK, fmt.Sprintf(meaning, args...), ""}
}

func kernelFinding(f Facts) Finding {
	const subject = "kernel"
	if !f.Kernel.AtLeast(5, 8) { // statx(2) tells mount points from 5.8 on, openat2(2) came with 5.6
		return Finding{subject, Fail, f.Kernel.Release + " is older than 5.8: root file systems can't be put together", "apt-get install linux-image-amd64 && reboot"}
	}
	return ok(subject, "%s", f.Kernel.Release)
}

func lxcFinding(h Host) Finding {
	const subject = "liblxc"
	if h.LXC == "" {
		return Finding{subject, Fail, "not installed: nothing can be started", "apt-get install lxc liblxc1"}
	}
	var major int
	if _, err := fmt.Sscanf(h.LXC, "%d.", &major); err != nil || major < 4 {
		return Finding{subject, Fail, h.LXC + " is older than 4.0: its configuration keys differ", "apt-get install lxc"}
	}
	if major < 5 {
		return Finding{subject, Warn, h.LXC + " is older than 5.0, the oldest that is tested", "apt-get install lxc"}
	}
	return ok(subject, "%s", h.LXC)
}

func namespacesFinding(f Facts) Finding {
	const subject = "namespaces"
	var missing []string
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		if !slices.Contains(f.Namespaces, ns) {
			missing = append(missing, ns)
		}
	}
	if len(missing) > 0 {
		return Finding{subject, Fail, "the kernel lacks " + strings.Join(missing, ", ") + ": no isolated containers", "apt-get install linux-image-amd64 && reboot"}
	}
	if f.MaxUserNS == 0 {
		return Finding{subject, Fail, "user namespaces are switched off: no unprivileged containers", sysctl("user.max_user_namespaces", 65536)}
	}
	return ok(subject, "user namespaces on, at most %d", f.MaxUserNS)
}

func subidFinding(f Facts, h Host) Finding {
	const subject = "id ranges"
	least := min(h.SubUIDs, h.SubGIDs)
	switch {
	case least >= 65536*uint64(h.Containers):
		return ok(subject, "room for %d containers in /etc/subuid and /etc/subgid", least/65536)
	case least > 0:
		return Finding{subject, Warn, fmt.Sprintf("/etc/subuid and /etc/subgid give root room for %d containers", least/65536), "usermod --add-subuids 1000000-1000999999 --add-subgids 1000000-1000999999 root"}
	case f.Tools["newuidmap"] != "":
		return Finding{subject, Warn, "root has no range in both /etc/subuid and /etc/subgid: apply adds one, without it newuidmap refuses to start a container", "usermod --add-subuids 1000000-1000999999 --add-subgids 1000000-1000999999 root"}
	}
	return ok(subject, "none for root in /etc/subuid and /etc/subgid: 1000000:1000000000 is used")
}

func inotifyFinding(f Facts, h Host) Finding {
	const subject = "inotify"
	// All containers count for host root; a systemd one has up to 5 instances.
	want := int64(64 + 5*h.Containers)
	if f.Inotify.Instances < want {
		return Finding{subject, Warn,
			fmt.Sprintf("fs.inotify.max_user_instances = %d is enough for about %d containers with systemd", f.Inotify.Instances, f.Inotify.Instances/5),
			sysctl("fs.inotify.max_user_instances", max(8192, want))}
	}
	return ok(subject, "%d instances", f.Inotify.Instances)
}

func keysFinding(f Facts, h Host) Finding {
	const subject = "keyrings"
	want := int64(2 * h.Containers)
	if f.Keys.Keys == 0 {
		return ok(subject, "no limit, or no keyrings")
	}
	if f.Keys.Keys < want {
		return Finding{subject, Warn,
			fmt.Sprintf("kernel.keys.maxkeys = %d: with %d containers some will not get the keyring that they start with", f.Keys.Keys, h.Containers),
			sysctl("kernel.keys.maxkeys", max(2000, want))}
	}
	return ok(subject, "%d keys", f.Keys.Keys)
}

// sysctl sets a value now and for every boot.
func sysctl(key string, value int64) string {
	return fmt.Sprintf("echo '%s = %d' > /etc/sysctl.d/60-strake-%s.conf && sysctl --system", key, value, strings.ReplaceAll(key, ".", "-"))
}
