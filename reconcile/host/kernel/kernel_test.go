package kernel

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// tree is a fake root folder; a name that ends in "/" is a folder.
func tree(parts ...map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for _, part := range parts {
		for name, text := range part {
			file := &fstest.MapFile{Data: []byte(text), Mode: 0o644}
			if strings.HasSuffix(name, "/") {
				file.Mode = fs.ModeDir | 0o755
			}
			root[strings.TrimSuffix(name, "/")] = file
		}
	}
	return root
}

func namespaces() map[string]string {
	out := map[string]string{}
	for _, ns := range []string{"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "user", "uts"} {
		out["proc/self/ns/"+ns] = ""
	}
	return out
}

// debian12 is a stock installation, with lxc and nftables.
func debian12() map[string]string {
	out := namespaces()
	maps.Copy(out, map[string]string{
		"proc/sys/kernel/osrelease":                   "6.1.0-18-amd64\n",
		"proc/mounts":                                 "/dev/vda1 / ext4 rw,relatime,errors=remount-ro 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0\ntmpfs /run tmpfs rw 0 0\n",
		"proc/filesystems":                            "nodev\tsysfs\nnodev\ttmpfs\n\text4\n",
		"proc/cmdline":                                "root=/dev/vda1 ro quiet",
		"proc/sys/user/max_user_namespaces":           "31200\n",
		"proc/sys/kernel/seccomp/actions_avail":       "kill_process kill_thread trap errno user_notif trace log allow\n",
		"proc/sys/fs/inotify/max_user_instances":      "128\n",
		"proc/sys/fs/inotify/max_user_watches":        "62000\n",
		"proc/sys/kernel/keys/maxkeys":                "200\n",
		"proc/sys/kernel/keys/maxbytes":               "20000\n",
		"sys/fs/cgroup/cgroup.controllers":            "cpuset cpu io memory hugetlb pids rdma misc\n",
		"sys/fs/cgroup/system.slice/memory.max":       "max\n",
		"sys/fs/cgroup/system.slice/memory.swap.max":  "max\n",
		"sys/module/apparmor/parameters/enabled":      "Y\n",
		"lib/modules/6.1.0-18-amd64/modules.builtin":  "kernel/fs/ext4/ext4.ko\n",
		"lib/modules/6.1.0-18-amd64/modules.dep":      "kernel/fs/overlayfs/overlay.ko:\nkernel/net/bridge/bridge.ko: kernel/net/802/stp.ko\nkernel/drivers/net/veth.ko:\nkernel/net/netfilter/nf_tables.ko: kernel/net/netfilter/nfnetlink.ko\nkernel/drivers/block/loop.ko:\n",
		"run/systemd/system/":                         "",
		"usr/sbin/nft":                                "",
		"usr/sbin/apparmor_parser":                    "",
		"sbin/mkfs.ext4":                              "",
		"sbin/resize2fs":                              "",
		"usr/bin/newuidmap":                           "",
		"usr/bin/newgidmap":                           "",
		"usr/share/lxc/config/common.seccomp":         "2\n",
		"proc/sys/net/bridge/bridge-nf-call-iptables": "0\n",
	})
	return out
}

// builtIn is a kernel without modules, hybrid cgroups, no AppArmor, no systemd.
func builtIn() map[string]string {
	out := namespaces()
	maps.Copy(out, map[string]string{
		"proc/sys/kernel/osrelease":                        "6.18.44-fc\n",
		"proc/mounts":                                      "/dev/vda / ext4 rw 0 0\ntmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw,name=systemd 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
		"proc/filesystems":                                 "nodev\toverlay\n\text4\n",
		"proc/kallsyms":                                    "ffffffff81dbb6f0 t veth_xmit\nffffffff81f71490 t nf_tables_newrule\nffffffff82159760 t br_handle_frame\nffffffff81a59760 t loop_configure\n",
		"proc/sys/user/max_user_namespaces":                "96365\n",
		"proc/sys/kernel/seccomp/actions_avail":            "allow\n",
		"proc/sys/fs/inotify/max_user_instances":           "8192\n",
		"proc/sys/kernel/keys/maxkeys":                     "200\n",
		"sys/fs/cgroup/unified/cgroup.controllers":         "\n",
		"sys/fs/cgroup/memory/memory.memsw.limit_in_bytes": "9223372036854771712\n",
		"usr/sbin/nft":                                     "",
		"usr/sbin/mkfs.ext4":                               "",
		"usr/sbin/resize2fs":                               "",
		"usr/share/lxc/config/common.seccomp":              "2\n",
	})
	return out
}

// old is what a machine of 2018 has.
func old() map[string]string {
	out := builtIn()
	maps.Copy(out, map[string]string{
		"proc/sys/kernel/osrelease":         "4.19.0\n",
		"proc/mounts":                       "/dev/sda1 / ext3 rw 0 0\ncgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\ncgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n",
		"proc/sys/user/max_user_namespaces": "0\n",
	})
	delete(out, "usr/sbin/nft")
	return out
}

func facts(t *testing.T, parts ...map[string]string) Facts {
	t.Helper()
	f, err := Read(tree(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ready is a host where nothing but the kernel can be wrong.
func ready() Host {
	return Host{LXC: "5.0.2", SubUIDs: 1000000000, SubGIDs: 1000000000, StateDir: "/var/lib/strake"}
}

// bad is the findings that are not ok, as "subject:level".
func bad(f Facts, h Host) string {
	var words []string
	for _, d := range Findings(f, h) {
		if d.Level != OK {
			words = append(words, d.Subject+":"+string(d.Level))
		}
	}
	return strings.Join(words, ", ")
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name string
		tree map[string]string
		with map[string]string
		want string
	}{
		{"Debian 12", debian12(), nil, "inotify:warn"},
		{"Debian 12, tuned", debian12(), map[string]string{"proc/sys/fs/inotify/max_user_instances": "8192"}, ""},
		{"built in, hybrid", builtIn(), nil, "cgroups:warn"},
		{"old kernel", old(), nil, "kernel:fail, cgroups:warn, limits:warn, namespaces:fail, id-mapped mounts:warn, state folder:warn, nftables:warn"},
		{"5.15", builtIn(), map[string]string{"proc/sys/kernel/osrelease": "5.15.0-91-generic"}, "cgroups:warn, id-mapped mounts:warn"},
		{"swap not counted", debian12(), map[string]string{"sys/fs/cgroup/system.slice/memory.swap.max": "-", "proc/sys/fs/inotify/max_user_instances": "8192"}, "swap limits:warn"},
		{"no memory controller", builtIn(), map[string]string{"proc/mounts": "/dev/vda / ext4 rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "sys/fs/cgroup/cgroup.controllers": "cpu pids"}, "limits:warn"},
		{"no cgroups", builtIn(), map[string]string{"proc/mounts": "/dev/vda / ext4 rw 0 0\n"}, "cgroups:fail, limits:warn"},
		{"no overlay", builtIn(), map[string]string{"proc/filesystems": "\text4\n"}, "cgroups:warn, overlay:fail"},
		{"no drivers", builtIn(), map[string]string{"proc/kallsyms": ""}, "cgroups:warn, sizes:warn, nftables:fail, bridge:fail"},
		{"no e2fsprogs", builtIn(), map[string]string{"usr/sbin/mkfs.ext4": "-"}, "cgroups:warn, sizes:warn"},
		{"no user namespaces", builtIn(), map[string]string{"proc/self/ns/user": "-"}, "cgroups:warn, namespaces:fail"},
		{"apparmor without its parser", builtIn(), map[string]string{"sys/module/apparmor/parameters/enabled": "Y"}, "cgroups:warn, apparmor:fail"},
		{"apparmor off", builtIn(), map[string]string{"sys/module/apparmor/parameters/enabled": "N"}, "cgroups:warn"},
		{"no seccomp", builtIn(), map[string]string{"proc/sys/kernel/seccomp/actions_avail": "-"}, "cgroups:warn, seccomp:warn"},
		{"no profile", builtIn(), map[string]string{"usr/share/lxc/config/common.seccomp": "-"}, "cgroups:warn, seccomp:warn"},
		{"bridges through iptables", builtIn(), map[string]string{"proc/sys/net/bridge/bridge-nf-call-iptables": "1"}, "cgroups:warn, bridged traffic:warn"},
		{"few keys", builtIn(), map[string]string{"proc/sys/kernel/keys/maxkeys": "100"}, "cgroups:warn, keyrings:warn"},
	} {
		for name, text := range c.with {
			if c.tree[name] = text; text == "-" {
				delete(c.tree, name)
			}
		}
		f := facts(t, c.tree)
		if got := bad(f, ready()); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, got, c.want)
		}
		for _, d := range Findings(f, ready()) {
			if d.Meaning == "" || (d.Mend == "") != (d.Level == OK) {
				t.Errorf("%s: %+v", c.name, d)
			}
		}
	}
}

func TestFindingsOfTheHost(t *testing.T) {
	f := facts(t, debian12(), map[string]string{"proc/sys/fs/inotify/max_user_instances": "8192"})
	for _, c := range []struct {
		name   string
		change func(*Host)
		want   string
	}{
		{"no liblxc", func(h *Host) { h.LXC = "" }, "liblxc:fail"},
		{"liblxc 3", func(h *Host) { h.LXC = "3.1.0" }, "liblxc:fail"},
		{"liblxc 4", func(h *Host) { h.LXC = "4.0.6" }, "liblxc:warn"},
		{"liblxc 6", func(h *Host) { h.LXC = "6.0.4" }, ""},
		{"no version", func(h *Host) { h.LXC = "devel" }, "liblxc:fail"},
		{"no ranges", func(h *Host) { h.SubUIDs, h.SubGIDs = 0, 0 }, "id ranges:warn"},
		{"groups only", func(h *Host) { h.SubUIDs = 0 }, "id ranges:warn"},
		{"one container's range", func(h *Host) { h.SubUIDs = 65536 }, "id ranges:warn"},
		{"one container", func(h *Host) { h.SubUIDs, h.Containers = 65536, 1 }, ""},
		{"very many containers", func(h *Host) { h.Containers = 10000 }, "inotify:warn, keyrings:warn"},
	} {
		h := ready()
		c.change(&h)
		if got := bad(f, h); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestStateFolder(t *testing.T) {
	for mounts, want := range map[string]Level{
		"/dev/a / ext4 rw 0 0":                                              OK,
		"/dev/a / ext4 ro 0 0":                                              Fail,
		"/dev/a / ext4 ro 0 0\n/dev/b /var xfs rw 0 0":                      OK,
		"/dev/a / ext4 rw 0 0\ns:/x /var/lib nfs4 rw 0 0":                   Fail,
		"/dev/a / ext4 rw 0 0\ns:/x /var/lib/strake2 nfs4 rw 0 0":           OK,
		"/dev/a / ext4 rw 0 0\ntmpfs /var/lib/strake tmpfs rw 0 0":          Warn,
		"/dev/a / ext4 rw 0 0\nx /var/lib/strake zfs rw 0 0":                Warn,
		"overlay / overlay rw 0 0":                                          Fail,
		"":                                                                  Warn,
		"/dev/a / btrfs rw 0 0\n/dev/a /var nfs rw 0 0\nb /var ext4 rw 0 0": OK,
	} {
		f := facts(t, debian12(), map[string]string{"proc/mounts": mounts + "\n"})
		got := stateFinding(f, ready())
		if got.Level != want {
			t.Errorf("%q: %+v, want %s", mounts, got, want)
		}
	}
	f := facts(t, builtIn(), map[string]string{"proc/mounts": "tmpfs / tmpfs rw 0 0\n"})
	if got := stateFinding(f, ready()); got.Level != Warn {
		t.Errorf("tmpfs on 6.18: %+v", got)
	}
}

func TestFacts(t *testing.T) {
	f := facts(t, debian12())
	if f.Kernel != (Version{6, 1, "6.1.0-18-amd64"}) || f.Cgroup.Layout != V2 || !f.Cgroup.Swap || !f.AppArmor || !f.Systemd {
		t.Errorf("Debian 12: %+v", f)
	}
	if f.Modules["overlay"] != Loadable || f.Tools["newuidmap"] != "/usr/bin/newuidmap" || f.Profile != "/usr/share/lxc/config/common.seccomp" {
		t.Errorf("Debian 12: %+v", f)
	}
	if slices.Contains(f.Namespaces, "pid_for_children") || !slices.Contains(f.Namespaces, "pid") {
		t.Errorf("namespaces %v", f.Namespaces)
	}
	f = facts(t, builtIn())
	if got := strings.Join(f.Cgroup.Controllers, " "); f.Cgroup.Layout != Hybrid || got != "cpu memory pids" || !f.Cgroup.Swap || f.Systemd || f.Modules["veth"] != Present {
		t.Errorf("built in: %+v", f)
	}
	if f = facts(t, old()); f.Cgroup.Layout != V1 || f.SetIDMap {
		t.Errorf("old: %+v", f)
	}
	if m, ok := (Facts{Mounts: parseMounts(`x /a\040b ext4 rw 0 0`)}).At("/a b/c"); !ok || m.Point != "/a b" {
		t.Errorf("mount point with a blank: %+v", m)
	}
}

func TestNoKernelVersion(t *testing.T) {
	if _, err := Read(fstest.MapFS{}); err == nil {
		t.Error("read nothing without an error")
	}
	for _, release := range []string{"", "6", "x.y", "six.1"} {
		if _, err := parseVersion(release); err == nil {
			t.Errorf("took %q", release)
		}
	}
	if v, err := parseVersion("5.15-rc1"); err != nil || v.Minor != 15 {
		t.Error(v, errors.Unwrap(err))
	}
}

func FuzzMounts(f *testing.F) {
	f.Add("/dev/a / ext4 rw 0 0\ncgroup2 x cgroup2 rw 0 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Read(tree(debian12(), map[string]string{"proc/mounts": text}))
		if err != nil {
			t.Fatal(err)
		}
		Findings(got, ready())
	})
}
