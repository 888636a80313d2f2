package image

import (
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// cleanDebian takes out what belongs to one machine or one moment; and where
// packages come from, if that was a place that is gone by then.
func cleanDebian(root string, offline bool) error {
	t, err := openTree(root)
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.cleanMoment(); err != nil {
		return err
	}
	if err := t.remove("etc/hostname"); err != nil {
		return err
	}
	if offline {
		if err := t.blank("etc/apt/sources.list", 0o644); err != nil {
			return err
		}
	}
	// Empty, not missing: systemd then makes one at each first start, and
	// does not take it for the first start of a new installation.
	if err := t.blank("etc/machine-id", 0o444); err != nil {
		return err
	}
	return t.blank("etc/resolv.conf", 0o644)
}

// cleanMoment takes out devices, package lists and caches, logs, identities.
func (t *tree) cleanMoment() error {
	for _, dir := range []string{"dev", "run", "tmp", "var/tmp", "var/cache/apt", "var/lib/apt/lists", "var/log/apt"} {
		if err := t.empty(dir, "*"); err != nil {
			return err
		}
	}
	for _, name := range []string{
		"var/lib/dbus/machine-id", "var/cache/ldconfig/aux-cache", "var/cache/debconf/config.dat-old",
		"var/cache/debconf/templates.dat-old", "var/lib/systemd/random-seed", "var/lib/systemd/credential.secret",
		"var/log/alternatives.log", "var/log/bootstrap.log", "var/log/dpkg.log", "var/log/faillog", "var/log/lastlog",
		"var/lib/dpkg/status-old", "var/lib/dpkg/available", "etc/.pwd.lock",
		"etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-",
	} {
		if err := t.remove(name); err != nil {
			return err
		}
	}
	return t.empty("etc/ssh", "ssh_host_*")
}

// blank makes an empty file, in place of a link too.
func (t *tree) blank(name string, mode uint32) error {
	return t.file(name, node{mode: mode}, strings.NewReader(""))
}

// empty deletes what is in a folder, if it is there, and its name fits.
func (t *tree) empty(dir, pattern string) error {
	fd, err := t.at(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil // not there
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		if fits, _ := path.Match(pattern, name); !fits { // the patterns are well-formed
			continue
		}
		if err := removeAt(fd, name); err != nil {
			return err
		}
	}
	return nil
}
