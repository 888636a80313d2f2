//go:build linux && cgo

package lxc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	golxc "github.com/lxc/go-lxc"
	"go.yaml.in/yaml/v3"

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

// notes is what LXD and Incus write about a container beside its root filesystem, as
// soon as there is one: those that were never started have no more. Where the folder
// is a volume of its own that is not mounted (ZFS, LVM), it does not show.
var notes = []string{
	"/var/lib/lxd/containers/*/backup.yaml",
	"/var/snap/lxd/common/lxd/containers/*/backup.yaml",
	"/var/lib/incus/containers/*/backup.yaml",
}

// Elsewhere is the configurations of containers that are not below this one's
// path, as far as they say whose ids they have. What can't be read whole starts no
// container, and counts for none.
func (r *Runtime) Elsewhere() ([][]resource.Line, error) {
	return elsewhere("/", r.path, golxc.GlobalConfigItem("lxc.lxcpath"))
}

// elsewhere looks below root. own is this installation's path, usual the one that
// LXC's tools have where nobody gives them another.
func elsewhere(root, own, usual string) ([][]resource.Line, error) {
	if real, err := filepath.EvalSymlinks(own); err == nil {
		own = real
	}
	found := map[string]bool{}
	var list [][]resource.Line
	for _, pattern := range slices.Concat([]string{filepath.Join(usual, "*", "config")}, homes, notes) {
		paths, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			real, err := filepath.EvalSymlinks(path)
			if err != nil || found[real] || filepath.Dir(filepath.Dir(real)) == own {
				continue
			}
			found[real] = true
			if lines, err := linesOf(real); err == nil {
				list = append(list, lines)
			}
		}
	}
	return list, nil
}

func linesOf(path string) ([]resource.Line, error) {
	text, err := readConf(path)
	if err != nil {
		return nil, err
	}
	if filepath.Ext(path) == ".yaml" {
		return noted(text)
	}
	return conf.Flatten(conf.File{Path: path, Text: text}, included)
}

// noted reads the ids that a container is to have at its next start from what LXD
// or Incus wrote about it, in the form of an LXC configuration.
func noted(text string) ([]resource.Line, error) {
	type about struct {
		Config struct {
			Next string `yaml:"volatile.idmap.next"`
		}
	}
	var note struct{ Container, Instance about } // as older and newer ones call it
	if err := yaml.Unmarshal([]byte(text), &note); err != nil {
		return nil, err
	}
	var maps []struct {
		Isuid, Isgid           bool
		Hostid, Nsid, Maprange int64
	}
	if err := json.Unmarshal([]byte(cmp.Or(note.Container.Config.Next, note.Instance.Config.Next, "[]")), &maps); err != nil {
		return nil, err
	}
	var lines []resource.Line
	for _, m := range maps {
		ids := fmt.Sprintf(" %d %d %d", m.Nsid, m.Hostid, m.Maprange)
		if m.Isuid {
			lines = append(lines, resource.Line{Key: "lxc.idmap", Value: "u" + ids})
		}
		if m.Isgid {
			lines = append(lines, resource.Line{Key: "lxc.idmap", Value: "g" + ids})
		}
	}
	return lines, nil
}
