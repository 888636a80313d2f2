package main

import (
	"fmt"
	"os"
	"path/filepath"

	"strake/cmd/internal/cli"
	"strake/reconcile"
	"strake/reconcile/diary"
	"strake/reconcile/host/disk"
	"strake/reconcile/host/egress/porter"
	"strake/reconcile/host/filter"
	"strake/reconcile/host/image"
	"strake/reconcile/host/leases"
	"strake/reconcile/host/lxc"
	"strake/reconcile/host/netdev"
	"strake/reconcile/host/probe"
	"strake/reconcile/host/rootfs"
	"strake/reconcile/host/subid"
	"strake/reconcile/host/vault"
	"strake/reconcile/idmap"
	"strake/reconcile/resource"
	"strake/reconcile/state"
)

// stateDir is where people look for strake's own folder.
const stateDir = "/var/lib/strake"

// open puts everything together: one adapter for each thing, in one place.
func open(g cli.Globals) (*cli.Deps, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find myself: %w", err)
	}
	runtime, err := lxc.Open(lxc.Options{Path: g.LXCPath})
	if err != nil {
		return nil, err
	}
	env, err := lxc.Probe()
	if err != nil {
		return nil, err
	}
	images, err := image.Open(image.Options{Folder: filepath.Join(g.StateDir, "images"), Server: g.ImageServer})
	if err != nil {
		return nil, err
	}
	layers, err := image.OpenLayers(filepath.Join(g.StateDir, "layers"))
	if err != nil {
		return nil, err
	}
	dir := state.Open(g.StateDir, renderer(g.LXCPath, env))
	led, err := dir.Ledger()
	if err != nil {
		return nil, err
	}
	devices, err := netdev.Open(netdev.Options{Installation: led.Installation, Record: filepath.Join(g.StateDir, "host")})
	if err != nil {
		return nil, err
	}
	doors := porter.Open(porter.Options{Folder: filepath.Join(g.StateDir, "egress"), Command: egressCommand(dir.Binary(), g, "serve", "--on-demand"), Opens: egressCommand(self, g, "open")})
	sessions := newDebugger(g, images, layers, env)
	host := reconcile.Host{
		Containers: runtime,
		Devices:    devices,
		Filter:     filter.Open(filter.Options{Table: table(g.StateDir, led.Installation), Lock: filepath.Join(g.StateDir, "firewall.lock")}),
		Leases:     leases.Open(leases.Options{Folder: filepath.Join(g.StateDir, "leases")}),
		Roots:      rootfs.Open(rootfs.Options{State: g.StateDir, Images: images.Path, Layers: layers.Path, Copies: g.Copies}),
		Units:      runtime,
		Images:     images,
		Layers:     layers,
		Builder:    builder(g.StateDir, images, layers, env, g.Copies),
		Disks:      disk.Disks{},
		Subids:     subids{"/etc"},
		Vault:      vault.Open(filepath.Join(g.StateDir, "secrets")),
		Probes:     probe.Prober{},
		Outlets:    doors,
		Sessions:   sessions,
	}
	return &cli.Deps{
		Engine:  &reconcile.Engine{Host: host, State: dir, Self: self, Diary: diary.Open(filepath.Join(g.StateDir, "events")), Watcher: func() error { return keepWatch(g, dir.Binary()) }},
		Console: runtime,
		Images:  images,
		Proxy:   doors,

		Debugger: sessions,
	}, nil
}

// egressCommand is the proxy's part of this installation's command line. What
// outlives strake is the copy that hooks use, too.
func egressCommand(program string, g cli.Globals, args ...string) []string {
	return append([]string{program, "--state-dir", g.StateDir, "--lxc-path", g.LXCPath, "egress"}, args...)
}

// table is the name of the firewall tables: people look for "strake", and a
// second installation must not have it too.
func table(folder, installation string) string {
	if folder == stateDir {
		return "strake"
	}
	return "strake-" + installation
}

// renderer writes LXC configurations for containers of this installation.
func renderer(lxcPath string, env lxc.Environment) state.Renderer {
	return func(top string, c resource.Container) (string, error) {
		folder := filepath.Join(top, "containers", c.Name)
		e := env
		e.RootFS = filepath.Join(folder, "rootfs")
		e.LogFile = filepath.Join(folder, state.LXCLog)
		e.ConsoleLog = filepath.Join(folder, state.ConsoleLog)
		e.Hook = []string{filepath.Join(top, "bin", "strake"), "--state-dir", top, "--lxc-path", lxcPath, "hook", c.Name}
		e.Late = filepath.Join(folder, "current", state.LateFile)
		e.Files, e.Staged = map[string]bool{}, map[string]string{}
		for _, m := range c.Mounts {
			info, err := os.Stat(m.Source)
			e.Files[m.Source] = err == nil && !info.IsDir()
			e.Staged[m.Target] = rootfs.Staged(folder, m.Target)
		}
		return lxc.Render(c, e)
	}
}

// subids are root's ranges in the account files below etc.
type subids struct{ etc string }

// Pool is what root may give away, or would be given where it has nothing.
func (s subids) Pool() ([]resource.IDRange, error) {
	ranges, err := subid.Read(s.etc)
	var list []resource.IDRange
	for _, r := range ranges {
		list = append(list, resource.IDRange{Base: r.Base, Size: r.Size})
	}
	return list, err
}

// Grant sees to it that root may give the range away: newuidmap, which plain
// lxc-start uses, refuses ids that are not in the account files. All of the
// pool's range is granted at once: one line, not one for each container.
func (s subids) Grant(r resource.IDRange) error {
	want := idmap.Range{Base: r.Base, Size: r.Size}
	pool, err := subid.Read(s.etc)
	if err != nil {
		return err
	}
	for _, p := range pool {
		if p.Contains(want) {
			want = p
		}
	}
	_, err = subid.Ensure(s.etc, want)
	return err
}
