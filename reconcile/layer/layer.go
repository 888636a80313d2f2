// Package layer builds system layers: what a recipe puts on top of an image,
// made once in an unprivileged container that is thrown away, and kept in a
// store. It knows of no container that uses them, and never touches one. A
// build that is cut short leaves a folder of its own, which Sweep clears.
package layer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"strake/reconcile/resource"
)

// ErrBuild: a command of the recipe failed.
var ErrBuild = errors.New("build of the system layer failed")

// Builder builds into a store.
type Builder struct {
	Dir     string                                                  // required: folder for builds under way, on the store's file system
	Store   Store                                                   // required
	Ground  func(dir string) Ground                                 // required: root filesystems of a state folder
	Machine func(dir string) (Machine, error)                       // required: liblxc with a path of its own
	Render  func(c resource.Container, root string) (string, error) // required: LXC configuration
}

// Store keeps layers by key.
type Store interface {
	Has(key string) bool
	Lock(key string) (unlock func(), err error) // waits for others at the same layer
	Keep(ctx context.Context, l resource.Layer, tree, log string) error
	Failed(key, log string) (path string, err error) // keeps the log of a build that failed
	Sweep() error
}

// Ground is where the build's root filesystem is mounted.
type Ground interface {
	Path(container string) string
	Prepare(ctx context.Context, root resource.Root) error
	Mount(ctx context.Context, root resource.Root) error
	Unmount(ctx context.Context, container string) error
	Portable(root resource.Root) error
	SetFiles(ctx context.Context, set resource.FileSet) (changed []string, err error)
}

// Machine runs the build's container.
type Machine interface {
	Define(name string, d resource.Definition) error
	Start(ctx context.Context, name string) error
	Kill(ctx context.Context, name string) error
	Inspect(ctx context.Context, name string, ask []string) (resource.Live, error)
	Exec(ctx context.Context, name string, args, env []string, out *os.File) (exit int, err error)
}

// Ensure has the layer in the store. Of several at the same one, one builds it.
func (b *Builder) Ensure(ctx context.Context, job resource.LayerJob) error {
	key := job.Recipe.Key()
	if b.Store.Has(key) {
		return nil
	}
	unlock, err := b.Store.Lock(key)
	if err != nil {
		return err
	}
	defer unlock()
	if b.Store.Has(key) {
		return nil
	}
	return b.build(ctx, key, job)
}

func (b *Builder) build(ctx context.Context, key string, job resource.LayerJob) error {
	p, err := b.place(key)
	if err != nil {
		return err
	}
	if err := p.clear(ctx); err != nil {
		return fmt.Errorf("clear what an earlier build left: %w", err)
	}
	err = b.attempt(ctx, p, job)
	job.Step()
	if err == nil {
		err = b.Store.Keep(ctx, resource.Layer{Key: key, Recipe: job.Recipe}, p.upper(), p.log())
	} else if at, kept := b.Store.Failed(key, p.log()); kept == nil {
		err = fmt.Errorf("%w\nthe whole log is in %s", err, at)
	}
	return errors.Join(err, p.clear(context.WithoutCancel(ctx)))
}

// attempt leaves what the recipe makes in the place's upper layer.
func (b *Builder) attempt(ctx context.Context, p *place, job resource.LayerJob) error {
	within, cancel := context.WithTimeout(ctx, job.Timeout)
	defer cancel()
	err := b.carryOut(within, p, job)
	if ctx.Err() == nil && within.Err() != nil {
		return fmt.Errorf("%w: given up after %s (build.timeout)", ErrBuild, job.Timeout)
	}
	return err
}

func (b *Builder) carryOut(ctx context.Context, p *place, job resource.LayerJob) error {
	c := thrownAway(job)
	root := resource.RootOf(c)
	if err := errors.Join(p.ground.Prepare(ctx, root), p.ground.Mount(ctx, root)); err != nil {
		return err
	}
	job.Step()
	w, err := newWork(p, job, root)
	if err != nil {
		return err
	}
	defer w.end()
	if err := w.write(ctx, []resource.File{deny, {Path: resolvConf, Content: job.Resolver, Mode: "0644", Owner: "root:root"}}); err != nil {
		return err
	}
	job.Step()
	if err := b.start(ctx, p, c); err != nil {
		return err
	}
	if err := w.open(ctx); err != nil {
		return err
	}
	job.Step()
	if err := w.make(ctx, job.Recipe.System); err != nil {
		return err
	}
	if err := errors.Join(p.machine.Kill(ctx, name), p.ground.Unmount(ctx, name)); err != nil {
		return err
	}
	return p.ground.Portable(root)
}

func (b *Builder) start(ctx context.Context, p *place, c resource.Container) error {
	config, err := b.Render(c, p.ground.Path(name))
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.config(), []byte(config), 0o600); err != nil {
		return err
	}
	if err := p.machine.Define(name, resource.Definition{Owner: "build", Stack: "build", Include: p.config()}); err != nil {
		return err
	}
	return p.machine.Start(ctx, name)
}

// name is the build's container's, in a folder of its own.
const name = "build"

// What a build may take of the host.
const (
	mostMemory    = 4 << 30
	mostProcesses = 8192
)

// thrownAway is the build's container. Its init does nothing, and ends by itself
// should nobody be there any more to end it.
func thrownAway(j resource.LayerJob) resource.Container {
	c := j.Site
	c.Name, c.Hostname, c.Image, c.Layers, c.Writable = name, name, j.Image, j.Below, []int{1}
	c.Limits = resource.Limits{Memory: mostMemory, Processes: mostProcesses}
	c.Raw = map[string]string{
		"lxc.init.cmd":    fmt.Sprintf("/bin/sleep %d", int(j.Timeout.Seconds())+60),
		"lxc.mount.entry": "tmpfs tmp tmpfs mode=1777 0 0\ntmpfs run tmpfs mode=0755 0 0",
	}
	return c
}

// place is the folder of one build.
type place struct {
	dir     string
	ground  Ground
	machine Machine
}

func (b *Builder) place(key string) (*place, error) {
	dir := filepath.Join(b.Dir, key[len("sha256-"):][:12])
	return b.placeAt(dir)
}

func (b *Builder) placeAt(dir string) (*place, error) {
	m, err := b.Machine(filepath.Join(dir, "lxc"))
	return &place{dir, b.Ground(dir), m}, err
}

func (p *place) config() string { return filepath.Join(p.dir, "lxc.conf") }
func (p *place) log() string    { return filepath.Join(p.dir, "build.log") }
func (p *place) upper() string {
	return filepath.Join(p.dir, "containers", name, "writable", "1", "upper")
}

// clear ends whatever runs here and deletes the folder.
func (p *place) clear(ctx context.Context) error {
	if _, err := os.Lstat(p.dir); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := p.machine.Kill(ctx, name); err != nil && !errors.Is(err, resource.ErrNotRunning) {
		return err
	}
	if err := p.ground.Unmount(ctx, name); err != nil && !errors.Is(err, resource.ErrNotMounted) {
		return err
	}
	return os.RemoveAll(p.dir)
}

// Sweep clears what builds left that were cut short. Nobody else builds
// meanwhile.
func (b *Builder) Sweep(ctx context.Context) error {
	entries, err := os.ReadDir(b.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		p, err2 := b.placeAt(filepath.Join(b.Dir, e.Name()))
		if err2 == nil {
			err2 = p.clear(ctx)
		}
		err = errors.Join(err, err2)
	}
	return errors.Join(err, b.Store.Sweep())
}
