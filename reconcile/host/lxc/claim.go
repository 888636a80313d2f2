package lxc

import (
	"io/fs"
	"path"
	"strings"

	"strake/reconcile/resource"
)

// Programs that keep containers of their own, and would put back whatever
// somebody else changed.
const (
	lxd     = "LXD"
	incus   = "Incus"
	proxmox = "Proxmox VE"
	libvirt = "libvirt"
)

// placed finds the owner of a container by where it lies, and by the files
// that its owner keeps about it. root is the host's "/".
func placed(root fs.FS, lxcPath, name string) *resource.Claim {
	for _, o := range []struct{ owner, folder string }{
		{lxd, "/var/lib/lxd"}, {lxd, "/var/snap/lxd"}, {incus, "/var/lib/incus"},
	} {
		if lxcPath == o.folder || strings.HasPrefix(lxcPath, o.folder+"/") {
			return &resource.Claim{Owner: o.owner, Sign: "it lies in " + lxcPath}
		}
	}
	for _, o := range []struct{ owner, file string }{
		{lxd, path.Join(lxcPath, name, "backup.yaml")},
		{proxmox, "/etc/pve/lxc/" + name + ".conf"},
		{libvirt, "/etc/libvirt/lxc/" + name + ".xml"},
		{libvirt, "/run/libvirt/lxc/" + name + ".xml"},
	} {
		if exists(root, o.file) {
			return &resource.Claim{Owner: o.owner, Sign: "there is " + o.file}
		}
	}
	if exists(root, path.Join(lxcPath, name, "config")) {
		return nil
	}
	for _, o := range []struct{ owner, folder string }{
		{lxd, "/var/lib/lxd/containers"}, {lxd, "/var/snap/lxd/common/lxd/containers"}, {incus, "/var/lib/incus/containers"},
	} {
		if exists(root, path.Join(o.folder, name)) {
			return &resource.Claim{Owner: o.owner, Sign: "there is " + path.Join(o.folder, name)}
		}
	}
	return nil
}

// exists also finds the links of LXD's pools that lead nowhere while they are
// not mounted.
func exists(root fs.FS, file string) bool {
	_, err := fs.Lstat(root, strings.TrimPrefix(path.Clean(file), "/"))
	return err == nil
}

// written finds the owner by what only that one writes into a configuration.
func written(name string, lines []resource.Line) *resource.Claim {
	for _, l := range lines {
		for _, o := range []struct{ owner, key, part string }{
			{incus, "lxc.hook.", " callhook /var/lib/incus"},
			{incus, "lxc.hook.", "incusd callhook "},
			{lxd, "lxc.hook.", " callhook "}, // wherever LXD_DIR is
			{lxd, "lxc.log.file", "/log/lxd/"},
			{incus, "lxc.log.file", "/log/incus/"},
			{lxd, "lxc.apparmor.profile", "lxd-"},
			{incus, "lxc.apparmor.profile", "incus-"},
			{lxd, "lxc.rootfs.path", "/var/lib/lxd/"},
			{lxd, "lxc.rootfs.path", "/var/snap/lxd/"},
			{incus, "lxc.rootfs.path", "/var/lib/incus/"},
			{proxmox, "lxc.hook.", "lxc-pve-"},
			{proxmox, "lxc.net.", "/lxcnetaddbr"},
			{libvirt, "lxc.rootfs.path", "/var/lib/libvirt/"},
		} {
			if o.owner == proxmox && !numbered(name) {
				continue
			}
			if strings.HasPrefix(l.Key, o.key) && strings.Contains(l.Value, o.part) {
				return &resource.Claim{Owner: o.owner, Sign: "its " + l.Key + " has " + strings.TrimSpace(o.part)}
			}
		}
	}
	return nil
}

// numbered says whether the name is one that Proxmox VE gives. On its hosts all
// that includes LXC's common.conf has its hooks, by a file in common.conf.d;
// they do nothing for who has another name, and such containers are anybody's.
func numbered(name string) bool {
	return name != "" && strings.Trim(name, "0123456789") == ""
}
