//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"path/filepath"

	golxc "github.com/lxc/go-lxc"
)

// handle is liblxc's for a container, without its configuration on disk: that
// may be broken, may be the next generation's, and reading it may open files.
// So it is made where no container can be, and pointed to the real place then.
// The caller has to Release it.
func (r *Runtime) handle(name string) (*golxc.Container, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	c, err := golxc.NewContainer(name, filepath.Join(r.path, ".strake"))
	if err != nil {
		return nil, fmt.Errorf("open container: %w", err)
	}
	if err := c.SetConfigPath(r.path); err != nil {
		return nil, errors.Join(fmt.Errorf("open container: %w", err), c.Release())
	}
	// The first item makes liblxc allocate a configuration; without one it
	// does not ask for running items and cgroups.
	if err := c.SetConfigItem("lxc.uts.name", "localhost"); err != nil {
		return nil, errors.Join(fmt.Errorf("open container: %w", err), c.Release())
	}
	return c, nil
}

// live is a handle with its init held open.
type live struct {
	*golxc.Container
	init *process
}

func (l live) close() {
	l.init.close()
	l.Release()
}

// live opens a container that is up, or fails with ErrNotRunning.
func (r *Runtime) live(name string) (live, error) {
	c, err := r.handle(name)
	if err != nil {
		return live{}, err
	}
	pid := c.InitPid()
	if pid <= 0 {
		c.Release()
		return live{}, ErrNotRunning
	}
	init, err := openProcess(pid)
	if err != nil {
		c.Release()
		return live{}, err
	}
	return live{c, init}, nil
}
