// Package rootfs puts a container's root filesystem together: an overlay of
// one shared read-only image and the container's own writable layers, mounted
// through id-mapped mounts so that nothing is copied and nothing chowned. It
// reads back what is really mounted, and writes the few files that strake
// keeps inside. It never follows a link out of a container, never changes an
// image, and refuses to mount over what it did not mount.
//
// On disk every layer holds the container's own ids, 0 being its root, so a
// layer fits any id range. Where the kernel (before Linux 5.19) or the file system
// has no overlay on id-mapped mounts, a container gets a copy of its own of what
// it shares elsewhere, with its ids of the host, and so have its writable layers.
package rootfs

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"strake/reconcile/resource"
)

var (
	// ErrMounted: something else is mounted where the root belongs.
	ErrMounted = resource.ErrMounted
	// ErrNotMounted: the container's root is not mounted.
	ErrNotMounted = resource.ErrNotMounted
	// ErrNoLayer: a writable layer or the image is not on disk. It is an
	// ErrNotFound of package resource.
	ErrNoLayer = fmt.Errorf("layer %w", resource.ErrNotFound)
	// ErrNoIDMap: the filesystem or the kernel has no id-mapped mounts.
	ErrNoIDMap = errors.New("id-mapped mounts are not supported there")
	// ErrTooMany: more layers than one overlay takes.
	ErrTooMany = errors.New("too many writable layers")
	// ErrName: not the name of a container.
	ErrName = errors.New("not the name of a container")
)

// Options say where things are.
type Options struct {
	State  string                     // required: folder that holds containers/NAME
	Images func(digest string) string // required: path of an image's tree
	Layers func(key string) string    // required where roots have some: path of a system layer's tree
	Copies bool                       // do without id-mapped mounts, whatever the kernel can do
}

// Roots are the root filesystems of one state folder. It is safe for use by
// several goroutines, and several processes may act on one container.
type Roots struct {
	state  string
	images func(string) string
	layers func(string) string
	spaces spaces
	bench  bench

	probe    sync.Once
	unmapped bool // once that is done: the kernel has no id-mapped mounts for us
}

// Open names the folders; it touches nothing.
func Open(o Options) *Roots {
	r := &Roots{state: o.State, images: o.Images, layers: o.Layers, unmapped: o.Copies}
	r.spaces.made = map[resource.IDMap]*space{}
	return r
}

// Path is where the container's root is mounted.
func (r *Roots) Path(container string) string {
	return filepath.Join(r.home(container), "rootfs")
}

func (r *Roots) home(container string) string {
	return filepath.Join(r.state, "containers", container)
}

func (r *Roots) writable(container string) string {
	return filepath.Join(r.home(container), "writable")
}

func (r *Roots) layer(container string, n int) string { return r.at(container, fmt.Sprint(n)) }

var digestForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256-[0-9a-f]{64}$`) })

func checkName(name string) error {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\x00\n") || len(name) > 255 {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	return nil
}

func check(root resource.Root) error {
	if err := checkName(root.Container); err != nil {
		return err
	}
	if !digestForm().MatchString(root.Digest) {
		return fmt.Errorf("image %q: not a digest", root.Digest)
	}
	for _, key := range root.Layers {
		if !digestForm().MatchString(key) {
			return fmt.Errorf("system layer %q: not a key", key)
		}
	}
	if len(root.Writable) == 0 || root.Writable[0] < 0 {
		return errors.New("no writable layer")
	}
	if m := root.IDMap; !m.Privileged && (m.Base == 0 || m.Size == 0 || m.Base+m.Size < m.Base) {
		return fmt.Errorf("id range %d+%d: not a range for an unprivileged container", m.Base, m.Size)
	}
	return nil
}
