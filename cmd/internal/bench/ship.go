package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ship is an installation of strake: folders, and one configuration file that
// changes.
type ship struct {
	task
	program string
	dir     string
}

// newShip makes a fresh one; only the images are there already. They are
// shown read-only, so that nothing here can harm them.
func newShip(t task, dir string) (*ship, error) {
	s := &ship{task: t, program: t.Options.Strake, dir: dir}
	images := filepath.Join(s.state(), "images")
	for _, sub := range []string{dir, s.state(), s.lxc()} {
		if err := os.Mkdir(sub, 0o711); err != nil {
			return nil, err
		}
	}
	if err := os.Mkdir(images, 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount(filepath.Join(t.Options.Cache, "images"), images, "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("show images: %w", err)
	}
	return s, unix.Mount("", images, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
}

func (s *ship) state() string { return filepath.Join(s.dir, "state") }
func (s *ship) lxc() string   { return filepath.Join(s.dir, "lxc") }
func (s *ship) file() string  { return filepath.Join(s.dir, "containers.hcl") }

func (s *ship) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.program, append([]string{"--state-dir", s.state(), "--lxc-path", s.lxc()}, args...)...)
	cmd.Dir = s.dir
	return cmd
}

// apply writes a configuration and times what brings it about.
func (s *ship) apply(stack stack) (usage, error) {
	if err := os.WriteFile(s.file(), []byte(stack.String()), 0o644); err != nil {
		return usage{}, err
	}
	return timed(s.command("apply", "--yes", s.file()))
}

// generation fails where the container's current generation is not this one.
func (s *ship) generation(name string, want string) error {
	to, err := os.Readlink(filepath.Join(s.state(), "containers", name, "current"))
	if err == nil && filepath.Base(to) != want {
		err = fmt.Errorf("%s is at generation %s, not %s", name, filepath.Base(to), want)
	}
	return err
}

// sink leaves nothing of it but files: not by strake's own means, which are not
// what is measured here and may be slow. The files go with the last row. ext4
// gives no inode out again within a minute or more of its deletion
// (recently_deleted, fs/ext4/ialloc.c), and looks at each of them to find
// another: a third of the CPU time of the next sample went into that.
func (s *ship) sink() error {
	if err := killAll(s.lxc()); err != nil {
		return err
	}
	if err := errors.Join(unmountBelow(s.dir), quiet(exec.Command("nft", "flush", "ruleset"))); err != nil {
		return err
	}
	if _, err := os.Stat("/sys/class/net/" + shipBridge); err == nil {
		if err := quiet(exec.Command("ip", "link", "delete", shipBridge)); err != nil {
			return err
		}
	}
	left, err := mountsBelow(s.dir)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("still mounted: %v", left)
	}
	return nil
}

// shipBridge is strake's own.
const shipBridge = "stbench1"

// stack is a configuration.
type stack struct{ containers []wish }

// wish is one container of it.
type wish struct {
	name    string
	debian  bool
	system  bool   // with a system layer
	memory  int    // MiB
	stopped bool   // not started
	mount   string // folder of the host to show at /mnt/extra; "": none
}

func (s stack) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, `stack "bench" {}

network "bench" {
  bridge = %q
  ipv4   = "10.111.0.1/16"
}

image "debian" {
  source  = %q
  include = ["%s"]
}
`, shipBridge, debian().Source, strings.Join(debian().Include, `", "`))
	for _, c := range s.containers {
		c.write(&b)
	}
	return b.String()
}

func (c wish) write(b *strings.Builder) {
	image := `"builtin:busybox"`
	if c.debian {
		image = "image.debian"
	}
	if c.memory == 0 {
		c.memory = memory >> 20
	}
	fmt.Fprintf(b, `
container %q {
  image = %s

  nic "eth0" {
    network = network.bench
  }

  limits {
    memory    = "%dMiB"
    cpus      = %g
    processes = %d
  }
`, c.name, image, c.memory, float64(cpu)/1000, pids)
	if c.mount != "" {
		fmt.Fprintf(b, "\n  mount %q {\n    source = %q\n  }\n", "/mnt/extra", c.mount)
	}
	if c.stopped {
		b.WriteString("\n  running = false\n")
	}
	if c.system {
		b.WriteString("\n  system {\n    run = [\"echo built >/etc/built\"]\n  }\n")
	}
	b.WriteString("}\n")
}

// many is a stack of busybox containers.
func many(n int) stack {
	var s stack
	for i := range n {
		s.containers = append(s.containers, wish{name: fmt.Sprintf("%ss%03d", prefix, i)})
	}
	return s
}
