// Package apply runs a plan. Each container's way is written down before it
// is begun, every step can be undone, and an undo does nothing where its step
// was never done: so a run that fails and a run that was killed are brought
// back by the same code. It never plans: what it finds otherwise than the plan
// says is an error.
package apply

import (
	"context"
	"fmt"
	"time"

	"strake/generations"
	"strake/reconcile/resource"
)

// Host is what a run acts on.
type Host struct {
	Containers containers // required
	Devices    devices    // required
	Filter     filter     // required
	Leases     leases     // required
	Roots      roots      // required
	Units      units      // required
	Store      store      // required
	Disks      disks      // required
	Secrets    secrets    // required where containers have some
	Witness    witness    // required where containers have health checks
	Outlets    outlets    // required where containers have egress
}

// outlets are the ways out of containers: a proxy, in a process of its own.
type outlets interface {
	Open(ctx context.Context, o resource.Outlet, passwords map[string]string) error
	Close(ctx context.Context, container string) error
}

// witness tells how a container is, of what only it can know.
type witness interface {
	Try(ctx context.Context, c resource.Container, live resource.Live, k resource.Check) error // nil: good
	Killed(ctx context.Context, name string) (int, error)                                      // processes that were, for want of memory
	Testify(ctx context.Context, c resource.Container) []Evidence
}

// disks are file systems in files.
type disks interface {
	Ensure(ctx context.Context, d resource.Disk) error
	Detach(at string) error
}

// secrets are the values that generations know by digest.
type secrets interface {
	Reveal(digest string) ([]byte, error)
}

// units are the services of an init that knows some.
type units interface {
	Tell(ctx context.Context, name, verb, unit string) error
}

// containers is liblxc.
type containers interface {
	Inspect(ctx context.Context, name string, ask []string) (resource.Live, error)
	Start(ctx context.Context, name string) error
	Stop(ctx context.Context, name string, timeout time.Duration) error
	Kill(ctx context.Context, name string) error
	Freeze(ctx context.Context, name string) error
	Unfreeze(ctx context.Context, name string) error
	SetLimits(ctx context.Context, name string, from, to resource.Limits) error
	SetHostname(ctx context.Context, name, hostname string) error
	Definition(name string) (resource.Definition, bool, error)
	Define(name string, d resource.Definition) error
	Undefine(name string) error
	Reload(ctx context.Context, name string) error // has init read its environment files again
	ReloadResolver(ctx context.Context, name string) error
}

// devices are bridges and interfaces.
type devices interface {
	EnsureNetwork(ctx context.Context, n resource.Network) error
	Tag(ctx context.Context, n resource.Network) error
	RemoveNetwork(ctx context.Context, n resource.Network) error
	NICs(ctx context.Context, pid int, known []resource.NIC) ([]resource.NIC, error)
	AddNIC(ctx context.Context, pid int, n resource.NIC) error
	ChangeNIC(ctx context.Context, pid int, from, to resource.NIC) error
	RemoveNIC(ctx context.Context, pid int, n resource.NIC) error
	ClearNIC(ctx context.Context, n resource.NIC) error // what the host still has of an interface that no container has
}

// filter is the firewall table.
type filter interface {
	Set(ctx context.Context, g resource.Guard) error
	Ensure(ctx context.Context, g resource.Guard) error
}

// leases are the services on managed networks.
type leases interface {
	Set(ctx context.Context, g resource.Guard) error
	Ensure(ctx context.Context, g resource.Guard) error
}

// Around makes what stands around the containers: the firewall first, as
// whatever is served is served through it.
func (h Host) Around(ctx context.Context, g resource.Guard) error {
	if err := h.Filter.Set(ctx, g); err != nil {
		return fmt.Errorf("set firewall: %w", err)
	}
	return h.Leases.Set(ctx, g)
}

// roots are the root filesystems.
type roots interface {
	Prepare(ctx context.Context, root resource.Root) error
	Renew(ctx context.Context, root resource.Root) error // has the top layer empty, and nothing mounted
	Mount(ctx context.Context, root resource.Root) error
	Unmount(ctx context.Context, container string) error
	Drop(ctx context.Context, container string) error                    // Unmount that waits for no disk
	Duplicate(ctx context.Context, container string, from, to int) error // a writable layer
	RemoveLayers(container string, layers []int) error
	Reset(ctx context.Context, root resource.Root, layer int, paths []string) error // a layer without what is at these paths
	SetHostnameFile(container string, ids resource.IDMap, hostname string) error    // what its init will read
	SetResolver(container string, ids resource.IDMap, want resource.Resolver) error
	SetEnvironment(container string, ids resource.IDMap, env map[string]string) error
	SetFiles(ctx context.Context, set resource.FileSet) (changed []string, err error)
	KeepFiles(container string, paths []string, folder string) error // what lies there, for RestoreFiles
	RestoreFiles(root resource.Root, folder string) (changed []string, err error)
	SetSecrets(pid int, c resource.Container, reveal func(digest string) ([]byte, error)) error // over what SetEnvironment wrote
}

// store is strake's own folder.
type store interface {
	Book(container string) *generations.Book
	Folder(container string) string
	Remove(container string) error                               // the folder and all in it
	Doom(container, run string, volumes []resource.Volume) error // whoever finds it in the attic by this run deletes it, and these
	Retire(container, run string) error                          // into the attic
	Restore(container, run string) error                         // and back; nothing where it is back already
	Rename(from, to string) error                                // the folder; nothing where it is done already
	Mend(container string, generation int) error
	SetAway(container string, d time.Duration)              // how long a restart took
	Render(c resource.Container) (map[string][]byte, error) // files of a generation
	Include(container string) string                        // the LXC configuration of whatever is current
	Tail(container string) string                           // lines that people added to a configuration that is gone
	KeepTail(container, tail string) error
	Content(digest string) ([]byte, error)                // what a file holds that has a digest
	KeepOriginal(c resource.Container, text string) error // the configuration before it was taken over

	Journals() ([]string, error) // containers whose run did not end
	Journal(container string) ([]byte, error)
	SetJournal(container string, text []byte) error
	KeptFiles(container string) string // folder for what the run under way replaces
	ClearJournal(container string) error
}
