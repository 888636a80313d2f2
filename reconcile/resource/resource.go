// Package resource holds the typed nouns on both sides of a diff: what a
// container, a network and the guard in front of them are made of, fully
// filled in. The same types say what is wanted, what was recorded and what
// was observed. They have one stable JSON form and do no I/O.
package resource

import (
	"slices"
	"strings"
)

// Container is everything that one container is made of.
type Container struct {
	Name        string            `json:"name"`
	Hostname    string            `json:"hostname"`
	Running     bool              `json:"running"`
	Image       Image             `json:"image"`
	Layers      []string          `json:"layers,omitempty"` // keys of system layers, newest first
	Writable    []int             `json:"writable"`         // writable layers, newest first
	Autostart   Autostart         `json:"autostart"`
	IDMap       IDMap             `json:"idmap"`
	NICs        []NIC             `json:"nics,omitempty"` // sorted by name
	Resolver    Resolver          `json:"resolver,omitzero"`
	Environment map[string]string `json:"environment,omitempty"`  // proxy variables included
	Hidden      map[string]Secret `json:"hidden,omitempty"`       // variables whose values are secret
	SecretFiles []SecretFile      `json:"secret_files,omitempty"` // sorted by target
	Limits      Limits            `json:"limits"`
	Mounts      []Mount           `json:"mounts,omitempty"` // sorted by target
	DependsOn   []string          `json:"depends_on,omitempty"`
	Raw         map[string]string `json:"raw,omitempty"`
	Protect     bool              `json:"protect,omitempty"`
	Drift       string            `json:"drift,omitempty"`
	Ignore      []string          `json:"ignore_changes,omitempty"`
	Egress      []Egress          `json:"egress,omitempty"`    // sorted by name
	EgressAt    []string          `json:"egress_at,omitempty"` // where the proxy is for it, LoopbackProxy first
	Publish     []Publish         `json:"publish,omitempty"`   // to its loopback interface, by TCP; sorted by Port
	System      *System           `json:"system,omitempty"`
	Build       *Build            `json:"build,omitempty"`
	Files       []File            `json:"files,omitempty"` // sorted by path
	Rootfs      Rootfs            `json:"rootfs,omitzero"`
	Health      *Health           `json:"health,omitempty"`
	Update      Update            `json:"update,omitzero"`

	// Networks are the definitions that the NICs need, so that a start needs
	// nothing but this record.
	Networks []Network `json:"networks,omitempty"`
}

// Named is the container under another name. A host name that was made of the
// name follows it.
func (c Container) Named(name string) Container {
	if c.Hostname == c.Name {
		c.Hostname = name
	}
	c.Name = name
	return c
}

// Ignores says whether the live value of a setting is left alone.
func (c Container) Ignores(path string) bool {
	return slices.ContainsFunc(c.Ignore, func(prefix string) bool {
		rest, ok := strings.CutPrefix(path, prefix)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// Image is a root filesystem: where it comes from and what it turned out to be.
type Image struct {
	Source  string            `json:"source"`
	Include []string          `json:"include,omitempty"`
	SHA256  string            `json:"sha256,omitempty"` // of an archive
	Mirror  string            `json:"mirror,omitempty"` // address or folder that packages come from
	Digest  string            `json:"digest,omitempty"` // "sha256-" and 64 hex digits; "" while not fetched
	Halt    string            `json:"halt,omitempty"`   // signal that asks its init to shut down, "SIGUSR2"
	From    map[string]string `json:"from,omitempty"`   // the source's own words for what it was, as an OCI manifest's digest
	Init    *Init             `json:"init,omitempty"`   // what runs where the image has no init; nil: /sbin/init
}

// Init is the program that an image without an init is for.
type Init struct {
	Command []string `json:"command"`       // the program, by its path or its name in PATH, and its arguments
	Env     []string `json:"env,omitempty"` // "NAME=value"; the container's own variables win
	Dir     string   `json:"dir,omitempty"` // where it begins; "": the root folder
	UID     uint32   `json:"uid,omitempty"` // in the container
	GID     uint32   `json:"gid,omitempty"`
}

// Key is the same for images that are asked for by the same words.
func (i Image) Key() string {
	return strings.Join(append([]string{i.Source, i.SHA256, i.Mirror}, i.Include...), "\x00")
}

// adopted in front of a source: see package spec.
const adopted = "adopted:"

// Adopted says whether the root filesystem is one that strake did not make and
// does not manage: LXC itself mounts it.
func (i Image) Adopted() bool { return strings.HasPrefix(i.Source, adopted) }

// RootFS is what lxc.rootfs.path says of an adopted root filesystem; "" where
// it has none of its own.
func (i Image) RootFS() string {
	if path := strings.TrimPrefix(i.Source, adopted); path != "none" {
		return path
	}
	return ""
}

// Autostart is what lxc-autostart reads.
type Autostart struct {
	Enabled bool   `json:"enabled"`
	Order   int    `json:"order,omitempty"`
	Delay   int    `json:"delay,omitempty"` // seconds
	Group   string `json:"group,omitempty"`
}

// IDMap maps the container's ids 0..Size-1 to Base..Base+Size-1 on the host.
type IDMap struct {
	Privileged bool   `json:"privileged,omitempty"` // ids are the host's own; Base and Size are 0
	Base       uint32 `json:"base,omitempty"`
	Size       uint32 `json:"size,omitempty"`
}

// NIC is an interface of a container. A bridged one is a veth pair: Device on
// the host, a port of Bridge; Name inside.
type NIC struct {
	Name     string `json:"name"`
	Network  string `json:"network"`
	Type     string `json:"type"` // "bridged", "routed", "macvlan" or "physical"
	Bridge   string `json:"bridge"`
	Device   string `json:"device"`
	MAC      string `json:"mac"`            // lower case, colons
	IPv4     string `json:"ipv4,omitempty"` // address with prefix length; "": none
	IPv6     string `json:"ipv6,omitempty"` // global address with prefix length; the link-local one follows from MAC
	Gateway4 string `json:"gateway4,omitempty"`
	Gateway6 string `json:"gateway6,omitempty"`
	MTU      int    `json:"mtu,omitempty"` // 0: 1500, on a bridge or parent of others theirs
	Filter   Filter `json:"filter"`

	Parent    string    `json:"parent,omitempty"` // interface of the host
	VLAN      int       `json:"vlan,omitempty"`
	Addresses []string  `json:"addresses,omitempty"` // further ones, with prefix length
	Prefixes  []string  `json:"prefixes,omitempty"`
	Routes    []Route   `json:"routes,omitempty"` // sorted by To
	Limits    Rates     `json:"limits,omitzero"`
	Publish   []Publish `json:"publish,omitempty"` // sorted by Port

	// Leased are the bare addresses that it has by a client of its own in place
	// of "dhcp". Only ever observed: no wish and no difference.
	Leased []string `json:"leased,omitempty"`

	// Oddities are what somebody has changed of it that no text has a word for,
	// such as "isolated 1" of the bridge's port. Only ever observed: a wish has none.
	Oddities string `json:"oddities,omitempty"`
}

// Route leads a prefix to a neighbour.
type Route struct {
	To  string `json:"to"`
	Via string `json:"via"`
}

// Rates bound what goes through an interface, in bits per second as the
// container sees it. Zero is no limit.
type Rates struct {
	Ingress int64 `json:"ingress,omitempty"`
	Egress  int64 `json:"egress,omitempty"`
}

// Publish leads a port of the host to one of the container.
type Publish struct {
	Port     int    `json:"port"`
	To       int    `json:"to"`
	Protocol string `json:"protocol"` // "tcp", "udp" or "both"
}

// Filter says which of its own addresses a NIC is held to.
type Filter struct {
	MAC  bool `json:"mac,omitempty"`
	IPv4 bool `json:"ipv4,omitempty"`
	IPv6 bool `json:"ipv6,omitempty"`
}

// Any says whether anything is filtered at all.
func (f Filter) Any() bool { return f.MAC || f.IPv4 || f.IPv6 }

// Limits bound what the container may use. Zero is no limit.
type Limits struct {
	Memory    int64 `json:"memory,omitempty"` // bytes
	CPU       int64 `json:"cpu,omitempty"`    // thousandths of a core
	Processes int64 `json:"processes,omitempty"`
}

// Mount shows a host folder or file inside.
type Mount struct {
	Target   string `json:"target"`           // absolute, cleaned
	Source   string `json:"source"`           // absolute, cleaned
	Volume   string `json:"volume,omitempty"` // name of the volume that Source is the folder of
	Size     int64  `json:"size,omitempty"`   // of the volume; 0: a plain folder
	ReadOnly bool   `json:"readonly,omitempty"`
}

// Volume is a folder of data on the host.
type Volume struct {
	Name    string `json:"name"`
	Path    string `json:"path"`           // absolute, cleaned
	Size    int64  `json:"size,omitempty"` // of the file system in it; 0: a plain folder
	Protect bool   `json:"protect,omitempty"`
}

// Network is a bridge on the host. An External one is used and never changed.
type Network struct {
	Name       string `json:"name"`
	Bridge     string `json:"bridge"`
	External   bool   `json:"external,omitempty"`
	MAC        string `json:"mac,omitempty"`
	IPv4       string `json:"ipv4,omitempty"` // the host's address with prefix length; "": none
	IPv6       string `json:"ipv6,omitempty"` // address with prefix length, "link-local" (fe80::1/64 only), "": none
	NAT        bool   `json:"nat,omitempty"`
	Isolate    bool   `json:"isolate,omitempty"`
	HostAccess bool   `json:"host_access,omitempty"`
	MTU        int    `json:"mtu,omitempty"` // 0: 1500

	NATThrough string   `json:"nat_interface,omitempty"` // the only one of the host's to go out by
	DHCP       bool     `json:"dhcp,omitempty"`
	DNS        bool     `json:"dns,omitempty"`
	Upstream   []string `json:"dns_upstream,omitempty"`
	RA         bool     `json:"ra,omitempty"`

	Oddities string `json:"oddities,omitempty"` // as those of a NIC: "stp_state 1"
}

// Apart says whether all interfaces of the container are on bridges that strake
// makes, or alone with the host, and there is an IPv6 address among theirs: then
// none of them can be anybody else's, as strake gave them and the filters hold
// everybody to theirs. Who else may have a routed one is on its parent's network,
// and would never be heard of by asking inside.
func (c Container) Apart() bool {
	var any bool
	for _, n := range c.NICs {
		at := slices.IndexFunc(c.Networks, func(w Network) bool { return w.Name == n.Network })
		if n.Type != "routed" && (n.Type != "bridged" || at < 0 || c.Networks[at].External) {
			return false
		}
		any = any || n.IPv6 != ""
	}
	return any
}

// Guard is what stands around the containers: all that the firewall has to
// hold, and whom the services of the networks know.
type Guard struct {
	NICs     []NIC     `json:"nics"`     // of managed networks and of filtered NICs on external ones
	Networks []Network `json:"networks"` // managed ones
	Guests   []Guest   `json:"guests,omitempty"`
	Proxied  []string  `json:"proxied,omitempty"` // bridges that the egress proxy answers on, sorted
}

// State is the run state of a container, in liblxc's words.
type State string

// The states that last. liblxc passes through STARTING, STOPPING, FREEZING,
// THAWED and ABORTING on the way; an observer may see those too.
const (
	Stopped State = "STOPPED"
	Running State = "RUNNING"
	Frozen  State = "FROZEN"
)

// Up says whether there is an init.
func (s State) Up() bool { return s == Running || s == Frozen }
