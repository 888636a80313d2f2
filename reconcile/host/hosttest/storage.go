package hosttest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"strake/reconcile/resource"
)

func sameRoot(a, b resource.Root) bool {
	return a.Container == b.Container && a.Digest == b.Digest && slices.Equal(a.Writable, b.Writable) && a.IDMap == b.IDMap
}

// Prepare makes the writable layer.
func (h *Host) Prepare(_ context.Context, root resource.Root) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prepared[root.IDMap] = true
	return h.call("Prepare", root.Container)
}

// Mount mounts a root filesystem; exactly this one being there is fine.
func (h *Host) Mount(_ context.Context, root resource.Root) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	have, ok := h.mounted[root.Container]
	switch {
	case ok && sameRoot(have, root) && !h.spoiled[root.Container]:
		return nil
	case ok:
		return resource.ErrMounted
	case !h.prepared[root.IDMap]:
		return resource.ErrNotFound
	}
	h.mounted[root.Container] = root
	return h.call("Mount", root.Container)
}

// UnmountIn has nothing to do: there is one state folder here.
func (h *Host) UnmountIn(context.Context, string, string) error { return resource.ErrNotMounted }

// Unmount takes it away.
func (h *Host) Unmount(_ context.Context, container string) error {
	return h.unmount("Unmount", container)
}

// Drop does so, too.
func (h *Host) Drop(_ context.Context, container string) error { return h.unmount("Drop", container) }

func (h *Host) unmount(call, container string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.mounted[container]; !ok {
		return resource.ErrNotMounted
	}
	delete(h.mounted, container)
	delete(h.spoiled, container)
	return h.call(call, container)
}

// Spoil says that what is mounted is not to be started on again.
func (h *Host) Spoil(container string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.mounted[container]; !ok {
		return resource.ErrNotMounted
	}
	h.spoiled[container] = true
	return nil
}

// Spoiled says whether somebody has.
func (h *Host) Spoiled(container string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.spoiled[container]
}

// MountedAt shows what a container has as its root.
func (h *Host) MountedAt(pid int) (resource.Root, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.byPID(pid)
	if err != nil {
		return resource.Root{}, false, err
	}
	return p.root, true, nil
}

// Duplicate copies a layer.
func (h *Host) Duplicate(_ context.Context, container string, _, _ int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.call("Duplicate", container)
}

// Layers has no disk that layers lie on.
func (h *Host) Layers(string, int) (have, used [][]int, err error) { return nil, nil, nil }

// Leftovers leaves nothing half made.
func (h *Host) Leftovers(string, int, []resource.Root) ([]string, error) { return nil, nil }

// Merge merges nothing.
func (h *Host) Merge(_ context.Context, root resource.Root, _ int) error { return resource.ErrNotFound }

// RemoveLayers has nothing to remove.
func (h *Host) RemoveLayers(string, []int) error { return nil }

// Reset makes a layer without what is at these paths.
func (h *Host) Reset(_ context.Context, root resource.Root, _ int, _ []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.call("Reset", root.Container)
}

// Sweep has nothing to sweep.
func (h *Host) Sweep(string, int, []resource.Root) error { return nil }

// Renew empties a layer.
func (h *Host) Renew(_ context.Context, root resource.Root) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.mounted, root.Container)
	return h.call("Renew", root.Container)
}

// Ensure makes and mounts a disk.
func (Disks) Ensure(context.Context, resource.Disk) error { return nil }

// Able: there is nothing that it could lack.
func (Disks) Able(resource.Disk) error { return nil }

// Detach unmounts it.
func (Disks) Detach(string) error { return nil }

// Below has nothing mounted.
func (Disks) Below(string) ([]string, error) { return nil, nil }

// Disks has room for everything.
type Disks struct{}

// Written is where layers would lie.
func (h *Host) Written(root resource.Root) ([]string, error) {
	var list []string
	for _, n := range root.Writable {
		list = append(list, fmt.Sprintf("/%s/%d", root.Container, n))
	}
	return list, nil
}

// Differ has no files to compare.
func (h *Host) Differ(context.Context, resource.Root, resource.Root) ([]resource.FileChange, error) {
	return nil, nil
}

// Mounts shows the bind mounts inside.
func (h *Host) Mounts(pid int, _ []resource.Mount) ([]resource.Mount, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.byPID(pid)
	if err != nil {
		return nil, err
	}
	return slices.Clone(p.c.Mounts), nil
}

// Environment shows the delivered environment.
func (h *Host) Environment(container string) (map[string]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.files[container]), nil
}

// SetHostnameFile has no file to write.
func (h *Host) SetHostnameFile(container string, _ resource.IDMap, _ string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.call("SetHostnameFile", container)
}

// Resolver shows whom the container asks.
func (h *Host) Resolver(container string) (resource.Resolver, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.resolvers[container], nil
}

// SetResolver tells it.
func (h *Host) SetResolver(container string, _ resource.IDMap, want resource.Resolver) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.resolvers[container] = want
	return nil
}

// SetEnvironment delivers it.
func (h *Host) SetEnvironment(container string, _ resource.IDMap, env map[string]string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.files[container] = maps.Clone(env)
	return h.call("SetEnvironment", container)
}

// Images is a store that has every image.
type Images struct{}

// Resolve knows every image.
func (Images) Resolve(_ context.Context, img resource.Image) (resource.Image, bool, error) {
	img.Digest = "sha256-" + resource.Digest(img.Source+strings.Join(img.Include, ","))
	img.Halt = "SIGUSR2"
	if strings.HasPrefix(img.Source, "debootstrap:") {
		img.Halt = "SIGRTMIN+3" // systemd's
	}
	return img, true, nil
}

// Ensure has every image.
func (i Images) Ensure(ctx context.Context, img resource.Image, _ func(string)) (resource.Image, error) {
	img, _, err := i.Resolve(ctx, img)
	return img, err
}

// Refresh finds that no source has changed.
func (i Images) Refresh(ctx context.Context, img resource.Image, _ func(string)) (resource.Image, error) {
	img, _, err := i.Resolve(ctx, img)
	return img, err
}

// Made are none: nothing lies anywhere.
func (Images) Made() (map[string]time.Time, error) { return nil, nil }

// Verify finds none.
func (Images) Verify(context.Context, string) error { return resource.ErrNotFound }

// Reject finds none.
func (Images) Reject(string) error { return resource.ErrNotFound }

// Rejected are none.
func (Images) Rejected() (map[string]string, error) { return nil, nil }

// RemoveRejected finds none.
func (Images) RemoveRejected(string) error { return resource.ErrNotFound }

// Pool has ids for ten thousand containers.
func (h *Host) Pool() ([]resource.IDRange, error) {
	return []resource.IDRange{{Base: 1000000, Size: 10000 * 65536}}, nil
}

// Grant grants.
func (h *Host) Grant(resource.IDRange) error { return nil }

// Break runs f on a container that is up, as somebody who goes behind
// strake's back.
func (h *Host) Break(name string, f func(c *resource.Container)) error {
	return h.change("Break", name, func(p *process) error { f(&p.c); h.toldInside(name); return nil })
}

// Flush forgets the guard, as `nft flush ruleset` does.
func (h *Host) Flush() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guard = resource.Guard{}
	h.toldRules()
}

// Secrets shows the secrets that were brought.
func (h *Host) Secrets(pid int, _ resource.Container, digest func([]byte) string) (resource.Container, map[string]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var have resource.Container
	p, err := h.byPID(pid)
	if err != nil {
		return have, nil, err
	}
	have.Hidden, have.SecretFiles = maps.Clone(p.c.Hidden), slices.Clone(p.c.SecretFiles)
	return have, nil, have.EachSecret(func(path string, s *resource.Secret) error {
		s.Digest = digest(h.secrets[p.c.Name+path])
		return nil
	})
}

// DeliverSecrets brings them before init runs.
func (h *Host) DeliverSecrets(pid int, c resource.Container, reveal func(digest string) ([]byte, error)) error {
	return h.SetSecrets(pid, c, reveal)
}

// SetSecrets brings them.
func (h *Host) SetSecrets(pid int, c resource.Container, reveal func(digest string) ([]byte, error)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.byPID(pid)
	if err != nil {
		return err
	}
	p.c.Hidden, p.c.SecretFiles = maps.Clone(c.Hidden), slices.Clone(c.SecretFiles)
	err = c.EachSecret(func(path string, s *resource.Secret) (err error) {
		h.secrets[p.c.Name+path], err = reveal(s.Digest)
		return err
	})
	if err != nil {
		return err
	}
	return h.call("SetSecrets", p.c.Name)
}

// Shadowed finds nothing: nobody writes into these roots.
func (h *Host) Shadowed(context.Context, resource.Root, []string) ([]string, error) { return nil, nil }
