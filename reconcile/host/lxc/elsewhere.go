//go:build linux && cgo

package lxc

import (
	"path/filepath"

	"strake/reconcile/host/lxc/conf"
	"strake/reconcile/resource"
)

// homes is where the configurations of a host's containers are that others than
// this installation manage: LXC's own path, and what LXD and Incus wrote for liblxc
// when they started one, which they keep for as long as they have the container.
var homes = []string{
	"/var/lib/lxc/*/config",
	"/var/log/lxd/*/lxc.conf",
	"/var/snap/lxd/common/lxd/logs/*/lxc.conf",
	"/var/log/incus/*/lxc.conf",
	"/run/incus/*/lxc.conf",
}

// Elsewhere is the configurations of containers that are not below this one's
// path. What can't be read whole starts no container, and counts for none.
func (r *Runtime) Elsewhere() ([][]resource.Line, error) { return elsewhere("/", r.path) }

func elsewhere(root, own string) ([][]resource.Line, error) {
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	var list [][]resource.Line
	for _, pattern := range homes {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			real, err := filepath.EvalSymlinks(path)
			if err != nil || filepath.Dir(filepath.Dir(real)) == own {
				continue
			}
			text, err := readConf(real)
			if err != nil {
				continue
			}
			if lines, err := conf.Flatten(conf.File{Path: real, Text: text}, included); err == nil {
				list = append(list, lines)
			}
		}
	}
	return list, nil
}
