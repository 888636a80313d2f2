package reconcile

import (
	"context"
	"net/netip"
	"time"

	"strake/reconcile/apply"
	"strake/reconcile/resource"
)

// Host is the machine: one adapter for each thing that is observed and changed.
type Host struct {
	Containers containers
	Devices    devices
	Filter     filter
	Leases     leases
	Roots      roots
	Units      units
	Images     images
	Layers     layers
	Builder    builds
	Subids     subids
	Vault      secrets
	Disks      disks
	Probes     probes
	Sessions   sessions // may be nil
	Outlets    outlets  // nil: no container has egress
}

// outlets are the ways out of containers: a proxy, in a process of its own.
type outlets interface {
	Observe(ctx context.Context) ([]resource.Outlet, error)
	Listens(o resource.Outlet) (resource.Outlet, error) // what of it really does
	Open(ctx context.Context, o resource.Outlet, passwords map[string]string) error
	Close(ctx context.Context, container string) error
}

// probes ask from within a container's network, or look into its files. own
// are its addresses.
type probes interface {
	HTTP(ctx context.Context, pid int, own []netip.Addr, url string, status int) error
	TCP(ctx context.Context, pid int, own []netip.Addr, address string) error
	File(pid int, path string) error
}

// containers is liblxc.
type containers interface {
	WatchInits(ctx context.Context, tell func(resource.Notice)) (follow func(context.Context, []string) ([]resource.Process, error), err error)
	States(ctx context.Context) (map[string]resource.State, error)
	Inspect(ctx context.Context, name string, ask []string) (resource.Live, error)
	Warm(context.Context) // containers start and stop until it is done
	Start(ctx context.Context, name string) error
	Stop(ctx context.Context, name string, timeout time.Duration) error
	Kill(ctx context.Context, name string) error
	Freeze(ctx context.Context, name string) error
	Unfreeze(ctx context.Context, name string) error
	SetLimits(ctx context.Context, name string, from, to resource.Limits) error
	SetHostname(ctx context.Context, name, hostname string) error
	Definition(name string) (resource.Definition, bool, error)
	Define(name string, d resource.Definition) error
	Foreign(name string) (resource.Foreign, error) // a container that strake did not make
	Elsewhere() ([][]resource.Line, error)         // configurations of the host's other containers
	Undefine(name string) error
	Reload(ctx context.Context, name string) error
	ReloadResolver(ctx context.Context, name string) error
	Exec(ctx context.Context, name string, env map[string]string, args []string) (exit int, said string, err error)
	Killed(ctx context.Context, name string) (int, error) // processes, for want of memory
	Check(text string) error                              // an LXC configuration that liblxc would refuse
	Printed(text string, keys []string) (map[string]string, error)
}

// units are the services of an init that knows some.
type units interface {
	Tell(ctx context.Context, name, verb, unit string) error
}

// devices are bridges and interfaces.
type devices interface {
	WatchDevices(ctx context.Context, tell func(resource.Notice)) (follow func([]resource.Process) error, err error)
	Networks(ctx context.Context) ([]resource.Network, error)
	EnsureNetwork(ctx context.Context, n resource.Network) error
	Tags(ctx context.Context, n resource.Network) error // what keeps its bridge from telling VLANs apart
	Tag(ctx context.Context, n resource.Network) error
	RemoveNetwork(ctx context.Context, n resource.Network) error
	NICs(ctx context.Context, pid int, known []resource.NIC) ([]resource.NIC, error)
	AddNIC(ctx context.Context, pid int, n resource.NIC) error
	ChangeNIC(ctx context.Context, pid int, from, to resource.NIC) error
	RemoveNIC(ctx context.Context, pid int, n resource.NIC) error
	Settle(ctx context.Context, pid int, nics []resource.NIC) error
	ClearNIC(ctx context.Context, n resource.NIC) error
	Probe(ctx context.Context, asked []resource.Probe) ([]resource.Taken, error)
	Listeners(ctx context.Context) (map[string]bool, error) // ports that programs of the host have, "tcp 80"
}

// filter is the firewall table.
type filter interface {
	WatchRules(ctx context.Context, tell func(resource.Notice)) error
	Set(ctx context.Context, g resource.Guard) error
	Ensure(ctx context.Context, g resource.Guard) error
	Observe(ctx context.Context) (resource.Seen, error)
	Refused(ctx context.Context) (map[string]resource.Count, error)
}

// leases are the services on managed networks.
type leases interface {
	Set(ctx context.Context, g resource.Guard) error
	Ensure(ctx context.Context, g resource.Guard) error
	Observe(ctx context.Context) ([]resource.Served, error)
	WatchServants(ctx context.Context, tell func(resource.Notice)) (follow func() error)
}

// roots are the root filesystems.
type roots interface {
	Prepare(ctx context.Context, root resource.Root) error
	Renew(ctx context.Context, root resource.Root) error
	Mount(ctx context.Context, root resource.Root) error
	Unmount(ctx context.Context, container string) error
	Drop(ctx context.Context, container string) error             // Unmount that waits for no disk
	UnmountIn(ctx context.Context, state, container string) error // of another state folder
	Spoil(container string) error                                 // what is mounted is not to be started on again
	Spoiled(container string) bool
	MountedAt(pid int) (resource.Root, bool, error)
	Duplicate(ctx context.Context, container string, from, to int) error
	Layers(container string, init int) (have, used [][]int, err error)
	Leftovers(container string, init int, kept []resource.Root) ([]string, error)
	Merge(ctx context.Context, root resource.Root, n int) error
	RemoveLayers(container string, layers []int) error
	Sweep(container string, init int, kept []resource.Root) error
	Reset(ctx context.Context, root resource.Root, layer int, paths []string) error
	Written(root resource.Root) ([]string, error)
	Differ(ctx context.Context, from, to resource.Root) ([]resource.FileChange, error)
	Mounts(pid int, want []resource.Mount) ([]resource.Mount, error)
	Environment(container string) (map[string]string, error)
	SetHostnameFile(container string, ids resource.IDMap, hostname string) error
	Resolver(container string) (resource.Resolver, error)
	SetResolver(container string, ids resource.IDMap, want resource.Resolver) error
	SetEnvironment(container string, ids resource.IDMap, env map[string]string) error
	Files(init int, container string, ids resource.IDMap, known []resource.File) ([]resource.File, error)
	SetFiles(ctx context.Context, set resource.FileSet) (changed []string, err error)
	KeepFiles(container string, paths []string, folder string) error
	RestoreFiles(root resource.Root, folder string) (changed []string, err error)
	Shadowed(ctx context.Context, root resource.Root, layers []string) ([]string, error)
	Secrets(pid int, want resource.Container, digest func([]byte) string) (have resource.Container, drift map[string]string, err error)
	SetSecrets(pid int, c resource.Container, reveal func(digest string) ([]byte, error)) error
	DeliverSecrets(pid int, c resource.Container, reveal func(digest string) ([]byte, error)) error
}

// images is the store of root filesystems.
type images interface {
	Resolve(ctx context.Context, img resource.Image) (resource.Image, bool, error)
	Ensure(ctx context.Context, img resource.Image, progress func(string)) (resource.Image, error)
	Refresh(ctx context.Context, img resource.Image, progress func(string)) (resource.Image, error)
	Made() (map[string]time.Time, error) // by digest
	Verify(ctx context.Context, digest string) error
	Reject(digest string) error // takes it out and deletes nothing: something may run on it
	Rejected() (map[string]string, error)
	RemoveRejected(name string) error
}

// disks are file systems in files.
type disks interface {
	Able(d resource.Disk) error // what keeps it from being made
	Ensure(ctx context.Context, d resource.Disk) error
	Detach(at string) error
	Below(path string) ([]string, error) // what is mounted there and below
}

// subids are the host ids that root may give to containers.
type subids interface {
	Pool() ([]resource.IDRange, error)
	Grant(r resource.IDRange) error
}

// acting is the part of the host that a run changes.
func (e *Engine) acting() apply.Host {
	return apply.Host{
		Containers: e.Host.Containers, Devices: e.Host.Devices, Filter: e.Host.Filter, Leases: e.Host.Leases,
		Roots: e.Host.Roots, Units: e.Host.Units, Store: e.State, Secrets: e.Host.Vault, Disks: e.Host.Disks, Witness: witness{e}, Outlets: e.Host.Outlets,
	}
}
