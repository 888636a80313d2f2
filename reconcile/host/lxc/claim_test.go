package lxc

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"strake/reconcile/resource"
)

func TestPlaced(t *testing.T) {
	root := fstest.MapFS{}
	for _, file := range []string{
		"etc/pve/lxc/101.conf", "etc/libvirt/lxc/vm1.xml", "var/lib/incus/containers/i1/rootfs/x", "var/lib/lxd/containers/l1/metadata.yaml",
		"var/lib/lxc/mine/config", "var/lib/lxc/101/config", "var/lib/lxc/l1/config",
	} {
		root[file] = &fstest.MapFile{}
	}
	root["var/snap/lxd/common/lxd/containers/l2"] = &fstest.MapFile{Data: []byte("/not/mounted"), Mode: fs.ModeSymlink}
	for _, c := range []struct{ path, name, owner string }{
		{"/var/lib/lxc", "mine", ""},
		{"/var/lib/lxc", "none", ""},
		{"/var/lib/lxc", "101", proxmox},
		{"/var/lib/lxc", "vm1", libvirt},
		{"/var/lib/lxc", "i1", incus},
		{"/var/lib/lxc", "l1", ""}, // the one in the LXC path is another one
		{"/var/lib/lxc", "l2", lxd},
		{"/var/lib/lxd/containers", "x", lxd},
		{"/var/lib/incus/containers", "x", incus},
		{"/var/lib/lxdish", "x", ""},
	} {
		claim := placed(root, c.path, c.name)
		if owner := ownerOf(claim); owner != c.owner {
			t.Errorf("%s in %s: %q, want %q", c.name, c.path, owner, c.owner)
		}
	}
}

func TestWritten(t *testing.T) {
	for _, c := range []struct{ name, key, value, owner string }{
		{"c1", "lxc.hook.pre-start", `/proc/4711/exe callhook /var/lib/lxd "default" "c1" start`, lxd},
		{"c1", "lxc.hook.post-stop", `/opt/incus/bin/incusd callhook /var/lib/incus "default" "c1" stop`, incus},
		{"c1", "lxc.hook.post-stop", `/srv/bin/incusd callhook /srv/incus "default" "c1" stop`, incus},
		{"c1", "lxc.hook.pre-start", `/proc/4711/exe callhook /srv/lxd "default" "c1" start`, lxd},
		{"c1", "lxc.apparmor.profile", "lxd-c1_</var/lib/lxd>//&:lxd-c1_<var-lib-lxd>:", lxd},
		{"c1", "lxc.apparmor.profile", "generated", ""},
		{"101", "lxc.hook.pre-start", "/usr/share/lxc/hooks/lxc-pve-prestart-hook", proxmox},
		{"c1", "lxc.hook.pre-start", "/usr/share/lxc/hooks/lxc-pve-prestart-hook", ""}, // by common.conf.d/01-pve.conf
		{"101", "lxc.net.0.script.up", "/usr/share/lxc/lxcnetaddbr", proxmox},
		{"c1", "lxc.rootfs.path", "dir:/var/lib/lxc/c1/rootfs", ""},
		{"c1", "lxc.environment", "X=/usr/share/lxc/lxcnetaddbr lxc-pve-", ""},
	} {
		claim := written(c.name, []resource.Line{{Key: "lxc.uts.name", Value: "c1"}, {Key: c.key, Value: c.value}})
		if owner := ownerOf(claim); owner != c.owner {
			t.Errorf("%s = %s: %q, want %q", c.key, c.value, owner, c.owner)
		}
	}
}

func ownerOf(c *resource.Claim) string {
	if c == nil {
		return ""
	}
	return c.Owner
}
