package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"strake/reconcile/resource"
)

// peer is LXD with a daemon and folders of its own. A nil one is not there.
type peer struct {
	dir    string
	daemon *exec.Cmd
	ended  chan error
}

const preseed = `config: {}
networks: []
storage_pools:
- name: default
  driver: dir
profiles:
- name: default
  config:
    limits.memory: %dMiB
    limits.cpu.allowance: %d%%
    limits.processes: "%d"
  devices:
    root: {type: disk, path: /, pool: default}
    eth0: {type: nic, nictype: bridged, parent: %s, name: eth0}
`

// newPeer starts the daemon and gives it the images; nil where there is none.
func newPeer(t task) (*peer, error) {
	for _, name := range []string{"lxd", "lxc"} {
		if _, err := exec.LookPath(name); err != nil || !t.Options.LXD {
			return nil, nil
		}
	}
	p := &peer{dir: filepath.Join(t.Dir, "lxd"), ended: make(chan error, 1)}
	if err := os.Mkdir(p.dir, 0o711); err != nil {
		return nil, err
	}
	if err := p.up(); err != nil {
		return nil, fmt.Errorf("start LXD: %w", err)
	}
	for alias, img := range map[string]resource.Image{"debian": t.Debian, "busybox": t.Busybox} {
		if err := p.give(t, alias, img); err != nil {
			return nil, fmt.Errorf("give LXD an image: %w", err)
		}
	}
	return p, nil
}

func (p *peer) up() error {
	p.daemon = p.command("lxd", "--group", "root", "--logfile", p.dir+".log")
	if err := p.daemon.Start(); err != nil {
		return err
	}
	go func() { p.ended <- p.daemon.Wait() }()
	if err := quiet(p.command("lxd", "waitready", "--timeout", "60")); err != nil {
		return err
	}
	text := filepath.Join(filepath.Dir(p.dir), "preseed.yaml")
	if err := os.WriteFile(text, fmt.Appendf(nil, preseed, memory>>20, cpu/10, pids, bridge), 0o600); err != nil {
		return err
	}
	in, err := os.Open(text)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := p.command("lxd", "init", "--preseed")
	cmd.Stdin = in
	return quiet(cmd)
}

func (p *peer) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LXD_DIR="+p.dir, "LXD_CONF="+p.dir+"-client", "HOME="+p.dir+"-client")
	return cmd
}

// give imports the very tree that strake's containers have, in the form that
// LXD unpacks fastest.
func (p *peer) give(t task, alias string, img resource.Image) error {
	tree, err := t.tree(img)
	if err != nil {
		return err
	}
	meta := filepath.Join(t.Dir, "metadata.yaml")
	text := fmt.Sprintf("architecture: x86_64\ncreation_date: 1700000000\nproperties: {os: %s}\n", alias)
	if err := os.WriteFile(meta, []byte(text), 0o644); err != nil {
		return err
	}
	tar := filepath.Join(t.Dir, alias+".tar")
	defer os.Remove(tar)
	if err := quiet(exec.Command("tar", "--create", "--file", tar, "--numeric-owner", "-C", t.Dir, "metadata.yaml", "-C", filepath.Dir(tree), "rootfs")); err != nil {
		return err
	}
	return quiet(p.command("lxc", "image", "import", tar, "--alias", alias))
}

// launch times `lxc launch` for one container after the other.
func (p *peer) launch(image string, names ...string) (time.Duration, error) {
	var sum time.Duration
	for _, name := range names {
		u, err := timed(p.command("lxc", "launch", image, name))
		if err != nil {
			return 0, err
		}
		sum += u.wall
	}
	return sum, nil
}

// restore times the way back to a snapshot of a running container.
func (p *peer) restore(name string) (time.Duration, error) {
	u, err := timed(p.command("lxc", "restore", name, "before"))
	return u.wall, err
}

func (p *peer) list() (time.Duration, error) {
	u, err := timed(p.command("lxc", "list"))
	if err == nil && !strings.Contains(u.out, "RUNNING") {
		err = fmt.Errorf("lxc list shows nothing that runs: %s", u.out)
	}
	return u.wall, err
}

func (p *peer) remove(names ...string) error {
	return quiet(p.command(append([]string{"lxc", "delete", "--force"}, names...)...))
}

func (p *peer) booted(name string) error {
	return until(name+" boots", time.Minute, func() bool {
		return isBooted(p.command("lxc", "exec", name, "--", "/bin/systemctl", "is-system-running"))
	})
}

// containersPath is LXD's LXC path.
func (p *peer) containersPath() string { return filepath.Join(p.dir, "containers") }

// end asks the daemon to go; whatever it leaves behind dies with the world.
func (p *peer) end() {
	if p == nil {
		return
	}
	_ = p.daemon.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.daemon.Process.Kill()
	}
}
