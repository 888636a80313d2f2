package lxc

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"strake/reconcile/resource"
)

// adopted renders a container that was taken over. It adds nothing of
// strake's own: what the container is confined by, where it logs and what it
// mounts is what it had before, and stands in raw.
func (t *text) adopted(c resource.Container, e Environment) {
	t.optional("lxc.uts.name", c.Hostname)
	t.optional("lxc.rootfs.path", c.Image.RootFS())
	if c.IDMap.Size != 0 {
		t.idmap(c.IDMap)
	}
	if guarded(c) {
		t.hook(e)
	}
	if c.Late() {
		t.late(c, e)
	}
	for i, n := range c.NICs {
		t.nic(fmt.Sprintf("lxc.net.%d.", i), n)
	}
	t.limits(c.Limits, e)
	t.autostart(c.Autostart)
	t.environment(c.Environment)
	t.inOrder(c.Raw)
	e.Staged = nil // nothing is staged without a root filesystem of ours
	t.mounts(c.Mounts, e)
}

// guarded says whether a start needs what the hook makes: bridges of strake's,
// or rules for an interface.
func guarded(c resource.Container) bool {
	return slices.ContainsFunc(c.Networks, func(n resource.Network) bool { return !n.External }) ||
		slices.ContainsFunc(c.NICs, func(n resource.NIC) bool { return n.Filter.Any() })
}

// inOrder writes raw keys in order of their names, but for those that have to
// come first: a device is denied before others are allowed, and what an
// interface is made of depends on its type.
func (t *text) inOrder(raw map[string]string) {
	first := func(key string) bool {
		return strings.HasSuffix(key, ".devices.deny") || strings.HasPrefix(key, "lxc.net.") && strings.HasSuffix(key, ".type")
	}
	rest := maps.Clone(raw)
	maps.DeleteFunc(rest, func(key, _ string) bool { return first(key) })
	early := maps.Clone(raw)
	maps.DeleteFunc(early, func(key, _ string) bool { return !first(key) })
	t.raw(early)
	t.raw(rest)
}
