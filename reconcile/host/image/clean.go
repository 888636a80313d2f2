package image

import (
	"io/fs"
	"path"
	"strings"
)

// cleanDebian takes out what belongs to one machine or one moment: devices,
// package lists and caches, logs, identities.
func cleanDebian(root string) error {
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.close()
	for _, dir := range []string{"dev", "run", "tmp", "var/tmp", "var/cache/apt", "var/lib/apt/lists", "var/log/apt"} {
		if err := t.empty(dir); err != nil {
			return err
		}
	}
	for _, name := range []string{
		"etc/hostname", "var/lib/dbus/machine-id", "var/cache/ldconfig/aux-cache", "var/cache/debconf/config.dat-old",
		"var/cache/debconf/templates.dat-old", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret",
		"var/log/alternatives.log", "var/log/bootstrap.log", "var/log/dpkg.log", "var/log/faillog", "var/log/lastlog",
		"var/lib/dpkg/status-old", "var/lib/dpkg/available", "etc/.pwd.lock",
		"etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-",
	} {
		if err := t.root.RemoveAll(name); err != nil {
			return err
		}
	}
	if err := t.hostKeys(); err != nil {
		return err
	}
	// Empty, not missing: systemd then makes one at each first start, and
	// does not take it for the first start of a new installation.
	if err := t.blank("etc/machine-id", 0o444); err != nil {
		return err
	}
	return t.blank("etc/resolv.conf", 0o644)
}

// blank makes an empty file, in place of a link too.
func (t *tree) blank(name string, mode uint32) error {
	return t.file(name, node{mode: mode}, strings.NewReader(""))
}

func (t *tree) empty(dir string) error {
	entries, err := fs.ReadDir(t.root.FS(), dir)
	if err != nil {
		return nil // not there
	}
	for _, e := range entries {
		if err := t.root.RemoveAll(path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (t *tree) hostKeys() error {
	keys, err := fs.Glob(t.root.FS(), "etc/ssh/ssh_host_*")
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := t.root.Remove(k); err != nil {
			return err
		}
	}
	return nil
}
