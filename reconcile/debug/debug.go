// Package debug opens what a generation of a container wrote, in a container
// that is thrown away: under the generation's ids and limits, without network,
// folders of the host, volumes or secrets. What it opens lies below a writable
// layer of its own, so the evidence stays as it was. It touches no container
// that strake keeps. A session that is cut short leaves a folder of its own,
// which Sweep clears.
package debug

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"strake/reconcile/resource"
)

// Name is the container's, in a folder of its own.
const Name = "debug"

// ErrNoStart: nothing comes up on these files.
var ErrNoStart = errors.New("nothing starts on these files; they are there to be read on the host")

// Machine runs the session's container.
type Machine interface {
	Define(name string, d resource.Definition) error
	Start(ctx context.Context, name string) error
	Kill(ctx context.Context, name string) error
}

// Ground is where its root filesystem is mounted.
type Ground interface {
	Path(container string) string
	Prepare(ctx context.Context, root resource.Root) error
	Mount(ctx context.Context, root resource.Root) error
	Unmount(ctx context.Context, container string) error
}

// Opener opens sessions on machines of one kind.
type Opener[M Machine] struct {
	Dir     string                                                  // required: folder for sessions
	Ground  func(dir string, layers func(key string) string) Ground // required: root filesystems of a state folder
	Layers  func(key string) string                                 // required: where system layers lie
	Machine func(dir string) (M, error)                             // required: liblxc with a path of its own
	Render  func(c resource.Container, root string) (string, error) // required: LXC configuration
}

// Open has use act in container Name, made of a generation and of where its
// writable layers lie, the top one first. All of it is gone afterwards.
func (o *Opener[M]) Open(ctx context.Context, c resource.Container, written []string, use func(M) error) error {
	s, err := o.begin()
	if err != nil {
		return fmt.Errorf("debug %s: %w", c.Name, err)
	}
	defer s.lock.Close()
	err = s.up(ctx, thrownAway(c, written), o.Render)
	if err != nil {
		err = fmt.Errorf("debug %s: %w", c.Name, err)
	} else {
		err = use(s.machine)
	}
	return errors.Join(err, s.clear(context.WithoutCancel(ctx)))
}

// session is one folder.
type session[M Machine] struct {
	dir     string
	lock    *os.File // held while somebody is at it
	layers  map[string]string
	ground  Ground
	machine M
}

func (o *Opener[M]) begin() (*session[M], error) {
	if err := os.MkdirAll(o.Dir, 0o711); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "")
	if err == nil {
		err = os.Chmod(dir, 0o711) // the container's root passes through
	}
	if err != nil {
		return nil, err
	}
	return o.at(dir)
}

// at is the session of a folder, unless somebody else is at it.
func (o *Opener[M]) at(dir string) (*session[M], error) {
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), lock.Close())
	}
	m, err := o.Machine(filepath.Join(dir, "lxc"))
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	s := &session[M]{dir: dir, lock: lock, layers: map[string]string{}, machine: m}
	s.ground = o.Ground(dir, func(key string) string {
		if path, ok := s.layers[key]; ok {
			return path
		}
		return o.Layers(key)
	})
	return s, nil
}

// Sweep clears what sessions left that were cut short. Those under way stay.
func (o *Opener[M]) Sweep(ctx context.Context) error {
	entries, err := os.ReadDir(o.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		s, busy := o.at(filepath.Join(o.Dir, e.Name()))
		if busy != nil {
			continue
		}
		err = errors.Join(err, s.clear(ctx), s.lock.Close())
	}
	return err
}

// made is the generation as a session has it.
type made struct {
	resource.Container
	layers map[string]string // where what it wrote lies, by the key that it has here
}

// thrownAway takes off all that leads out of the container's own files. What
// it wrote becomes layers that nobody can write to; its init does nothing.
func thrownAway(c resource.Container, written []string) made {
	m := made{layers: map[string]string{}}
	var keys []string
	for _, path := range written {
		sum := sha256.Sum256([]byte(path))
		key := "sha256-" + hex.EncodeToString(sum[:])
		keys, m.layers[key] = append(keys, key), path
	}
	m.Container = resource.Container{
		Name: Name, Hostname: c.Hostname, Image: c.Image, Layers: append(keys, c.Layers...), Writable: []int{1}, IDMap: c.IDMap, Limits: c.Limits,
		Raw: map[string]string{
			"lxc.init.cmd":    "/bin/sleep 1000000",
			"lxc.mount.entry": "tmpfs tmp tmpfs mode=1777 0 0\ntmpfs run tmpfs mode=0755 0 0",
		},
	}
	m.Image.Init = nil
	return m
}

func (s *session[M]) up(ctx context.Context, c made, render func(resource.Container, string) (string, error)) error {
	for key, path := range c.layers {
		s.layers[key] = path
	}
	root := resource.RootOf(c.Container)
	if err := s.ground.Prepare(ctx, root); err != nil {
		return err
	}
	if err := s.ground.Mount(ctx, root); err != nil {
		return err
	}
	text, err := render(c.Container, s.ground.Path(Name))
	if err != nil {
		return err
	}
	config := filepath.Join(s.dir, "lxc.conf")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	if err := s.machine.Define(Name, resource.Definition{Owner: Name, Stack: Name, Include: config}); err != nil {
		return err
	}
	if err := s.machine.Start(ctx, Name); err != nil {
		return fmt.Errorf("%w: %w", ErrNoStart, err)
	}
	return nil
}

// clear ends whatever runs here and deletes the folder.
func (s *session[M]) clear(ctx context.Context) error {
	if err := s.machine.Kill(ctx, Name); err != nil && !errors.Is(err, resource.ErrNotRunning) {
		return err
	}
	if err := s.ground.Unmount(ctx, Name); err != nil && !errors.Is(err, resource.ErrNotMounted) {
		return err
	}
	return os.RemoveAll(s.dir)
}
