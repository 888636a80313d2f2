package hosttest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"strake/reconcile/resource"
)

// Machine is a host under test: its adapters, and what a container on it may
// be made of.
type Machine struct {
	Containers interface {
		States(context.Context) (map[string]resource.State, error)
		Inspect(context.Context, string, []string) (resource.Live, error)
		Start(context.Context, string) error
		Stop(context.Context, string, time.Duration) error
		Kill(context.Context, string) error
		Freeze(context.Context, string) error
		Unfreeze(context.Context, string) error
		SetLimits(context.Context, string, resource.Limits, resource.Limits) error
		SetHostname(context.Context, string, string) error
		Definition(string) (resource.Definition, bool, error)
		Define(string, resource.Definition) error
		Undefine(string) error
		WatchInits(context.Context, func(resource.Notice)) (func(context.Context, []string) ([]resource.Process, error), error)
	}
	Devices interface {
		Networks(context.Context) ([]resource.Network, error)
		EnsureNetwork(context.Context, resource.Network) error
		RemoveNetwork(context.Context, resource.Network) error
		NICs(context.Context, int, []resource.NIC) ([]resource.NIC, error)
		AddNIC(context.Context, int, resource.NIC) error
		ChangeNIC(context.Context, int, resource.NIC, resource.NIC) error
		RemoveNIC(context.Context, int, resource.NIC) error
		Settle(context.Context, int, []resource.NIC) error
		ClearNIC(context.Context, resource.NIC) error
		WatchDevices(context.Context, func(resource.Notice)) (func([]resource.Process) error, error)
	}
	Filter interface {
		Set(context.Context, resource.Guard) error
		Ensure(context.Context, resource.Guard) error
		Observe(context.Context) (resource.Seen, error)
		Refused(context.Context) (map[string]resource.Count, error)
		WatchRules(context.Context, func(resource.Notice)) error
	}
	Leases interface {
		Set(context.Context, resource.Guard) error
		Ensure(context.Context, resource.Guard) error
		Observe(context.Context) ([]resource.Served, error)
	}
	Roots interface {
		Prepare(context.Context, resource.Root) error
		Mount(context.Context, resource.Root) error
		Unmount(context.Context, string) error
		Drop(context.Context, string) error
		Spoil(string) error
		Spoiled(string) bool
		MountedAt(int) (resource.Root, bool, error)
		Environment(string) (map[string]string, error)
		SetEnvironment(string, resource.IDMap, map[string]string) error
		Files(int, string, resource.IDMap, []resource.File) ([]resource.File, error)
		SetFiles(context.Context, resource.FileSet) ([]string, error)
		KeepFiles(string, []string, string) error
		RestoreFiles(resource.Root, string) ([]string, error)
	}

	// Container is one that can run there, with one interface on Network,
	// guarded, and some of everything else.
	Container resource.Container
	// Include writes the LXC configuration of a container and tells where.
	Include func(t *testing.T, c resource.Container) string
}

var ctx = context.Background()

// Conform holds a machine to what every host does and refuses. It leaves the
// machine as it found it.
func Conform(t *testing.T, m Machine) {
	c := m.Container
	network := c.Networks[0]
	guard := resource.GuardOf([]resource.Container{c})
	t.Cleanup(func() {
		m.Containers.Kill(ctx, c.Name)
		m.Roots.Unmount(ctx, c.Name)
		m.Containers.Undefine(c.Name)
		m.Filter.Set(ctx, resource.Guard{})
		m.Leases.Set(ctx, resource.Guard{})
		m.Devices.RemoveNetwork(ctx, network)
	})
	refuses(t, "remove a network that is not there", m.Devices.RemoveNetwork(ctx, network), resource.ErrNotFound)
	for range 2 {
		does(t, "ensure network", m.Devices.EnsureNetwork(ctx, network))
		does(t, "set guard", m.Filter.Set(ctx, guard))
		does(t, "ensure guard", m.Filter.Ensure(ctx, guard))
		does(t, "prepare root", m.Roots.Prepare(ctx, resource.RootOf(c)))
	}
	m.conformNetwork(t, network, guard)
	m.conformLeases(t, network, guard)
	m.conformStart(t, c)
	m.conformRoot(t, c)
	m.conformFiles(t, c)
	m.conformLive(t, c)
	m.conformNICs(t, c)
	m.conformWatch(t, c, guard)
	m.conformEnd(t, c)
}

func does(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func refuses(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s: error %v, want %v", what, err, want)
	}
}

func (m Machine) conformNetwork(t *testing.T, network resource.Network, guard resource.Guard) {
	list, err := m.Devices.Networks(ctx)
	does(t, "list networks", err)
	at := slices.IndexFunc(list, func(n resource.Network) bool { return n.Bridge == network.Bridge })
	if at < 0 || list[at].IPv4 != network.IPv4 || list[at].MAC != network.MAC || list[at].Name != network.Name {
		t.Fatalf("networks are %+v, want %+v among them", list, network)
	}
	seen, err := m.Filter.Observe(ctx)
	does(t, "observe guard", err)
	nic := guard.NICs[0]
	if len(seen.Guard.NICs) != 1 || !seen.Intact {
		t.Fatalf("guard is %+v, want one NIC, intact", seen)
	}
	counts, err := m.Filter.Refused(ctx)
	does(t, "count what was refused", err)
	if c, ok := counts[nic.Device]; len(counts) != 1 || !ok || c != (resource.Count{}) {
		t.Fatalf("refused is %+v, want nothing of one NIC", counts)
	}
	if got := seen.Guard.NICs[0]; got.Device != nic.Device || got.MAC != nic.MAC || got.IPv4 != nic.IPv4 || got.Filter != nic.Filter {
		t.Fatalf("guard holds %+v, want %+v", got, nic)
	}
}

// conformLeases: what is served is seen, another guest is no other service, and
// a network that serves nothing is not among what is served.
func (m Machine) conformLeases(t *testing.T, network resource.Network, guard resource.Guard) {
	network.DHCP, network.DNS = true, true
	guard.Networks = []resource.Network{network, {Name: "absent", Bridge: "sttconform9", IPv4: "10.67.0.1/24", DHCP: true}}
	want := func(n resource.Network, guests ...resource.Guest) {
		t.Helper()
		list, err := m.Leases.Observe(ctx)
		does(t, "observe leases", err)
		n = resource.Network{Bridge: n.Bridge, DHCP: n.DHCP, DNS: n.DNS, RA: n.RA, Upstream: n.Upstream}
		if len(list) != 1 || !list[0].Intact || resource.Digest(list[0].Network) != resource.Digest(n) || resource.Digest(list[0].Guests) != resource.Digest(guests) {
			t.Fatalf("served is %+v, want %+v with %+v", list, n, guests)
		}
	}
	for range 2 {
		does(t, "serve", m.Leases.Set(ctx, guard))
		want(network, guard.Guests...)
	}
	another := resource.Guest{Name: "another", Bridge: network.Bridge, MAC: "02:00:00:00:66:03", IPv4: []string{"10.66.0.3"}}
	does(t, "ensure a guest", m.Leases.Ensure(ctx, resource.Guard{Networks: []resource.Network{{Bridge: network.Bridge}}, Guests: []resource.Guest{another}}))
	want(network, append([]resource.Guest{another}, guard.Guests...)...)
	network.DNS, guard.Networks[0].DNS = false, false
	does(t, "serve less", m.Leases.Set(ctx, guard))
	want(network, guard.Guests...)
	does(t, "serve nothing", m.Leases.Set(ctx, resource.Guard{}))
	if list, err := m.Leases.Observe(ctx); err != nil || len(list) != 0 {
		t.Fatalf("served is %+v, %v, want nothing", list, err)
	}
}

func (m Machine) conformStart(t *testing.T, c resource.Container) {
	refuses(t, "start of an undefined one", m.Containers.Start(ctx, c.Name), resource.ErrUndefined)
	does(t, "define", m.Containers.Define(c.Name, resource.Definition{Owner: "o", Stack: "s", Include: m.Include(t, c)}))
	d, ok, err := m.Containers.Definition(c.Name)
	if err != nil || !ok || d.Owner != "o" || d.Stack != "s" {
		t.Fatalf("definition %+v, %v, %v", d, ok, err)
	}
	if err := m.Containers.Start(ctx, c.Name); err == nil {
		t.Fatal("it starts without its root filesystem")
	}
	does(t, "remove what the failed start left", m.Devices.ClearNIC(ctx, c.NICs[0]))
	refuses(t, "kill of a stopped one", m.Containers.Kill(ctx, c.Name), resource.ErrNotRunning)
	refuses(t, "stop of a stopped one", m.Containers.Stop(ctx, c.Name, time.Second), resource.ErrNotRunning)
	does(t, "mount root", m.Roots.Mount(ctx, resource.RootOf(c)))
	does(t, "start", m.Containers.Start(ctx, c.Name))
	refuses(t, "second start", m.Containers.Start(ctx, c.Name), resource.ErrRunning)
	states, err := m.Containers.States(ctx)
	if err != nil || states[c.Name] != resource.Running {
		t.Fatalf("states %v, %v", states, err)
	}
}

func (m Machine) conformRoot(t *testing.T, c resource.Container) {
	root := resource.RootOf(c)
	does(t, "mount what is mounted", m.Roots.Mount(ctx, root))
	seen, ok, err := m.Roots.MountedAt(m.live(t, c.Name).Init)
	if err != nil || !ok || seen.Digest != root.Digest || !slices.Equal(seen.Writable, root.Writable) {
		t.Fatalf("root is %+v, %v, %v, want %+v", seen, ok, err, root)
	}
	env := map[string]string{"A": "1 2", "B": `"quoted" $x`}
	does(t, "set environment", m.Roots.SetEnvironment(c.Name, c.IDMap, env))
	got, err := m.Roots.Environment(c.Name)
	if err != nil || !maps.Equal(got, env) {
		t.Fatalf("environment %q, %v, want %q", got, err, env)
	}
	does(t, "clear environment", m.Roots.SetEnvironment(c.Name, c.IDMap, nil))
	if got, err := m.Roots.Environment(c.Name); err != nil || len(got) != 0 {
		t.Fatalf("environment %q, %v, want none", got, err)
	}
}

func (m Machine) live(t *testing.T, name string) resource.Live {
	t.Helper()
	live, err := m.Containers.Inspect(ctx, name, nil)
	does(t, "inspect", err)
	return live
}

func (m Machine) conformLive(t *testing.T, c resource.Container) {
	live := m.live(t, c.Name)
	if live.Hostname != c.Hostname || live.IDMap != c.IDMap || live.Limits != c.Limits || live.Init == 0 {
		t.Fatalf("live is %+v, want %+v", live, c)
	}
	for _, to := range []resource.Limits{{Memory: 96 << 20, CPU: 1500, Processes: 77}, {}, c.Limits} {
		does(t, "set limits", m.Containers.SetLimits(ctx, c.Name, live.Limits, to))
		if live = m.live(t, c.Name); live.Limits != to {
			t.Fatalf("limits are %+v, want %+v", live.Limits, to)
		}
	}
	does(t, "set hostname", m.Containers.SetHostname(ctx, c.Name, "renamed"))
	if got := m.live(t, c.Name).Hostname; got != "renamed" {
		t.Fatalf("hostname is %q", got)
	}
	does(t, "freeze", m.Containers.Freeze(ctx, c.Name))
	if got := m.live(t, c.Name).State; got != resource.Frozen {
		t.Fatalf("state %s, want frozen", got)
	}
	does(t, "unfreeze", m.Containers.Unfreeze(ctx, c.Name))
}

func (m Machine) conformNICs(t *testing.T, c resource.Container) {
	pid, nic := m.live(t, c.Name).Init, c.NICs[0]
	same := func(n resource.NIC) resource.NIC { n.Network, n.Filter = "", resource.Filter{}; return n }
	nics := func(known ...resource.NIC) []resource.NIC {
		t.Helper()
		list, err := m.Devices.NICs(ctx, pid, known)
		does(t, "list NICs", err)
		for i := range list {
			list[i] = same(list[i])
		}
		return list
	}
	want := func(list ...resource.NIC) {
		t.Helper()
		if got := nics(list...); !slices.EqualFunc(got, list, func(a, b resource.NIC) bool { return resource.Digest(a) == resource.Digest(b) }) {
			t.Fatalf("NICs are %+v, want %+v", got, list)
		}
	}
	want(same(nic))
	refuses(t, "second add", m.Devices.AddNIC(ctx, pid, nic), resource.ErrExists)
	moved := nic
	moved.IPv4, moved.MTU = "10.66.0.77/24", 1400
	does(t, "change NIC", m.Devices.ChangeNIC(ctx, pid, nics()[0], moved))
	want(same(moved))
	does(t, "settle", m.Devices.Settle(ctx, pid, []resource.NIC{moved}))
	want(same(moved))
	wide := moved
	wide.Addresses, wide.Prefixes = []string{"10.66.0.78/24"}, []string{"192.0.2.0/28"}
	wide.Routes = []resource.Route{{To: "198.51.100.0/24", Via: "10.66.0.9"}}
	wide.Limits = resource.Rates{Ingress: 8_000_000, Egress: 123_456_789}
	does(t, "widen NIC", m.Devices.ChangeNIC(ctx, pid, moved, wide))
	want(same(wide))
	does(t, "narrow NIC", m.Devices.ChangeNIC(ctx, pid, nics(wide)[0], moved))
	want(same(moved))
	if list := nics(wide); len(list[0].Prefixes)+len(list[0].Routes)+len(list[0].Addresses) != 0 || list[0].Limits != (resource.Rates{}) {
		t.Fatalf("left of the wide NIC: %+v", list)
	}
	does(t, "remove NIC", m.Devices.RemoveNIC(ctx, pid, moved))
	want()
	refuses(t, "settle none", m.Devices.Settle(ctx, pid, []resource.NIC{moved}), resource.ErrNotFound)
	refuses(t, "second remove", m.Devices.RemoveNIC(ctx, pid, moved), resource.ErrNotFound)
	refuses(t, "change of none", m.Devices.ChangeNIC(ctx, pid, moved, nic), resource.ErrNotFound)
	does(t, "add NIC", m.Devices.AddNIC(ctx, pid, nic))
	want(same(nic))
	m.conformRouted(t, pid, want, same(nic))
}

// conformRouted adds interfaces that are on no bridge, and takes them away.
func (m Machine) conformRouted(t *testing.T, pid int, want func(...resource.NIC), beside resource.NIC) {
	n := resource.NIC{
		Name: "eth1", Type: "routed", Device: "sttconform2", MAC: "02:00:00:00:66:03", IPv4: "192.0.2.66/32", Gateway4: "169.254.0.1",
	}
	beside.Gateway4, beside.Gateway6 = "", ""
	does(t, "add routed NIC", m.Devices.AddNIC(ctx, pid, n))
	want(beside, n)
	moved := n
	moved.IPv4, moved.Prefixes = "192.0.2.67/32", []string{"198.51.100.0/28"}
	does(t, "change routed NIC", m.Devices.ChangeNIC(ctx, pid, n, moved))
	want(beside, moved)
	does(t, "remove routed NIC", m.Devices.RemoveNIC(ctx, pid, moved))
	want(beside)
	second := resource.NIC{Name: "eth1", Type: "macvlan", Parent: m.Container.Networks[0].Bridge, MAC: "02:00:00:00:66:04", IPv4: "10.66.0.66/24"}
	does(t, "add macvlan", m.Devices.AddNIC(ctx, pid, second))
	want(beside, second)
	refuses(t, "add it again", m.Devices.AddNIC(ctx, pid, second), resource.ErrExists)
	second.IPv4, second.MTU = "10.66.0.68/24", 1400
	does(t, "change macvlan", m.Devices.ChangeNIC(ctx, pid, second, second))
	want(beside, second)
	does(t, "remove macvlan", m.Devices.RemoveNIC(ctx, pid, second))
	want(beside)
}

func (m Machine) conformEnd(t *testing.T, c resource.Container) {
	before := m.live(t, c.Name)
	does(t, "stop", m.Containers.Stop(ctx, c.Name, 10*time.Second))
	if m.live(t, c.Name).State.Up() {
		t.Fatal("it is up after a stop")
	}
	does(t, "start again", m.Containers.Start(ctx, c.Name))
	if after := m.live(t, c.Name); after.Started == before.Started && after.Init == before.Init {
		t.Fatal("two runs can't be told apart")
	}
	does(t, "kill", m.Containers.Kill(ctx, c.Name))
	other := resource.RootOf(c)
	other.Writable = []int{2}
	does(t, "prepare another root", m.Roots.Prepare(ctx, other))
	refuses(t, "mount over a mount", m.Roots.Mount(ctx, other), resource.ErrMounted)
	does(t, "mount what is mounted", m.Roots.Mount(ctx, resource.RootOf(c)))
	does(t, "spoil the root", m.Roots.Spoil(c.Name))
	refuses(t, "mount what is spoiled", m.Roots.Mount(ctx, resource.RootOf(c)), resource.ErrMounted)
	does(t, "drop", m.Roots.Drop(ctx, c.Name))
	refuses(t, "second drop", m.Roots.Drop(ctx, c.Name), resource.ErrNotMounted)
	does(t, "mount another root at once", m.Roots.Mount(ctx, other))
	does(t, "unmount", m.Roots.Unmount(ctx, c.Name))
	refuses(t, "second unmount", m.Roots.Unmount(ctx, c.Name), resource.ErrNotMounted)
	refuses(t, "spoil what is not mounted", m.Roots.Spoil(c.Name), resource.ErrNotMounted)
	if m.Roots.Spoiled(c.Name) {
		t.Fatal("what is not mounted is spoiled")
	}
	does(t, "undefine", m.Containers.Undefine(c.Name))
	does(t, "undefine again", m.Containers.Undefine(c.Name))
	does(t, "take the guard away", m.Filter.Set(ctx, resource.Guard{}))
	does(t, "remove network", m.Devices.RemoveNetwork(ctx, c.Networks[0]))
	refuses(t, "remove network again", m.Devices.RemoveNetwork(ctx, c.Networks[0]), resource.ErrNotFound)
}

// Sample is a container as Conform wants one, made of an image that the
// machine has.
func Sample(digest string) resource.Container {
	network := resource.Network{Name: "conform", Bridge: "sttconform0", MAC: "02:00:00:00:66:01", IPv4: "10.66.0.1/24"}
	return resource.Container{
		Name: "conform", Hostname: "conform", Running: true,
		Image: resource.Image{Source: "builtin:busybox", Digest: digest, Halt: "SIGUSR2"}, Writable: []int{1},
		IDMap:  resource.IDMap{Base: 1900544, Size: 65536},
		Limits: resource.Limits{Memory: 64 << 20, CPU: 500, Processes: 50},
		NICs: []resource.NIC{{
			Name: "eth0", Network: "conform", Type: "bridged", Bridge: network.Bridge, Device: "sttconform1",
			MAC: "02:00:00:00:66:02", IPv4: "10.66.0.2/24", Filter: resource.Filter{MAC: true, IPv4: true, IPv6: true},
		}},
		Networks: []resource.Network{network},
	}
}
