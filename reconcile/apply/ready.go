package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"strake/reconcile/resource"
)

// Ready makes everything that the start of a container needs: networks,
// guard, root filesystem, environment, files. What is there already is left alone. The
// container is not up.
func (h Host) Ready(ctx context.Context, c resource.Container) error {
	for _, n := range c.Networks {
		if err := h.Devices.EnsureNetwork(ctx, n); err != nil {
			return fmt.Errorf("network %s: %w", n.Name, err)
		}
	}
	if err := h.tag(ctx, c); err != nil {
		return err
	}
	if err := h.clear(ctx, c); err != nil {
		return err
	}
	guard := resource.GuardOf([]resource.Container{c})
	if err := h.Filter.Ensure(ctx, guard); err != nil {
		return fmt.Errorf("set firewall: %w", err)
	}
	if err := h.Leases.Ensure(ctx, guard); err != nil {
		return err
	}
	if c.Image.Adopted() {
		return nil // LXC mounts it
	}
	if err := h.mount(ctx, c); err != nil {
		return err
	}
	if err := h.Roots.SetEnvironment(c.Name, c.IDMap, c.Environment); err != nil {
		return err
	}
	_, err := h.Roots.SetFiles(ctx, resource.FilesOf(c, h.Store.Content))
	return err
}

// tag has the bridges of strake's own tell VLANs apart where an interface is in
// one: liblxc refuses to put it there else.
func (h Host) tag(ctx context.Context, c resource.Container) error {
	for _, w := range c.Networks {
		tagged := func(n resource.NIC) bool { return n.VLAN != 0 && n.Bridge == w.Bridge }
		if !slices.ContainsFunc(c.NICs, tagged) {
			continue
		}
		if err := h.Devices.Tag(ctx, w); err != nil {
			return fmt.Errorf("network %s: %w", w.Name, err)
		}
	}
	return nil
}

// mount makes the root, with what its init will read of its name and of whom to
// ask for others'.
func (h Host) mount(ctx context.Context, c resource.Container) error {
	if err := h.disks(ctx, c); err != nil {
		return err
	}
	if c.Rootfs.Ephemeral {
		if err := h.Roots.Renew(ctx, resource.RootOf(c)); err != nil {
			return err
		}
	}
	err := h.Roots.Mount(ctx, resource.RootOf(c))
	if errors.Is(err, resource.ErrMounted) { // what an earlier start was on: nothing runs there now
		if err = h.Roots.Unmount(ctx, c.Name); err == nil {
			err = h.Roots.Mount(ctx, resource.RootOf(c))
		}
	}
	if err != nil {
		return err
	}
	if err := h.Roots.SetHostnameFile(c.Name, c.IDMap, c.Hostname); err != nil {
		return err
	}
	return h.Roots.SetResolver(c.Name, c.IDMap, c.Resolver)
}

// disks has the file systems mounted that its layers and volumes are in.
func (h Host) disks(ctx context.Context, c resource.Container) error {
	for _, d := range c.Disks(h.Store.Folder(c.Name)) {
		if err := h.Disks.Ensure(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// clear removes the host's ends of a container's interfaces. They outlive an
// init that died badly for as long as the kernel takes to clean its namespace
// up, and are in the way.
func (h Host) clear(ctx context.Context, c resource.Container) error {
	for _, n := range c.NICs {
		if n.Device == "" && n.Parent == "" {
			continue
		}
		if err := h.Devices.ClearNIC(ctx, n); err != nil {
			return fmt.Errorf("nic %s: %w", n.Name, err)
		}
	}
	return nil
}

// TakeBack brings interfaces of the host home from a container that is about to
// stop. liblxc does that for those that it brought there itself; of others the
// kernel takes back real devices alone, and removes the rest with the container.
func (h Host) TakeBack(ctx context.Context, name string, c resource.Container) error {
	lent := slices.DeleteFunc(slices.Clone(c.NICs), func(n resource.NIC) bool { return n.Type != "physical" })
	if len(lent) == 0 {
		return nil
	}
	live, err := h.Containers.Inspect(ctx, name, nil)
	if err != nil || !live.State.Up() {
		return err
	}
	for _, n := range lent {
		if err := h.Devices.RemoveNIC(ctx, live.Init, n); err != nil && !errors.Is(err, resource.ErrNotFound) {
			return fmt.Errorf("nic %s: %w", n.Name, err)
		}
	}
	return nil
}
