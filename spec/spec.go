// Package spec holds what a user can wish for, as plain values: a stack of
// containers and the networks and images they need. It knows neither the
// text a wish was written in nor the host that will carry it out, and it does
// no I/O. A zero value means "not said": the defaults are filled in later, by
// package desired.
package spec

import (
	"fmt"
	"slices"
	"time"
)

// Pos is the place in the text that a value came from.
type Pos struct {
	File   string `json:"file"` // as given on the command line, or relative to the stack's folder
	Line   int    `json:"line"` // from 1
	Column int    `json:"column,omitempty"`
}

// String is "file:line", or nothing for the zero Pos.
func (p Pos) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Stack is one configuration root: everything that one file or folder says.
type Stack struct {
	Name       string
	Prune      string // "report" (default) or "retire"
	Images     []Image
	Networks   []Network
	Volumes    []Volume
	Egress     []Egress
	Secrets    []Secret
	Containers []Container // for_each expanded, sorted by name
	Moved      []Moved
	Removed    []Removed
	Imports    []Import
	Pins       []Pin    // of the lock file
	Unmatched  []string // patterns of include that no file fits
	Pos        Pos      // of the stack block; zero without one
}

// Moved says that a container has a new name: it is renamed, not made anew.
type Moved struct {
	From, To string // container names
	Pos      Pos
}

// Removed says what becomes of a container that left the text.
type Removed struct {
	From   string // container name
	Action string // "retire" (default), "forget" or "purge"
	Pos    Pos
}

// Import says that a declared container takes over an LXC container that
// strake did not make, as it is.
type Import struct {
	From string // name of the LXC container
	To   string // name of the declared container
	Pos  Pos
}

// Adopted, in front of what lxc.rootfs.path says, is the source of a root
// filesystem that strake did not make and does not manage: that of a container
// which was taken over.
const Adopted = "adopted:"

// Image names a root filesystem by where it comes from.
type Image struct {
	Name    string // label of the block; "" for an image given as a plain source
	Source  string // "builtin:busybox", "debootstrap:bookworm", "tar:/path", "oci:NAME:TAG", "adopted:dir:/path" and others
	Include []string
	SHA256  string // of an archive, 64 hexadecimal digits
	Mirror  string // where packages come from: an address, or a folder of .deb files
	Pos     Pos
}

// Is says whether two images are one: asked for by the same words.
func (i Image) Is(j Image) bool {
	return i.Source == j.Source && slices.Equal(i.Include, j.Include) && i.SHA256 == j.SHA256 && i.Mirror == j.Mirror
}

// Network is a bridge: made and owned by strake, or External and only used.
type Network struct {
	Name       string
	External   string // name of an existing bridge; everything else is then unset
	Bridge     string // default "st-" + Name
	IPv4       string // the host's own address with prefix, "10.101.0.1/16", or "none"
	IPv6       string // "fd42::1/64", "link-local" or "none"
	NAT        bool
	NATThrough string // host interface that NAT goes out by; "": any
	DHCP       bool
	DNS        bool
	Upstream   []string // name servers that queries for other names go to
	RA         bool     // router advertisements
	Isolate    bool
	HostAccess bool
	MTU        int
	Pos        Pos
	At         map[string]Pos // by key
}

// Container is one system container.
type Container struct {
	Name        string
	Group       string // label of the for_each block that it is one of; "": of none
	Hostname    string
	Image       *Image
	Running     *bool
	Autostart   Autostart
	IDMap       IDMap
	NICs        []NIC
	Environment map[string]string
	Hidden      map[string]Confidential // variables whose values must not be seen
	SecretFiles []SecretFile
	Proxy       *Proxy
	Limits      Limits
	Mounts      []Mount
	DependsOn   []string            // container names
	Raw         map[string][]string // LXC keys; a list key has its values in order
	Protect     bool
	Drift       string // "report" (default), "heal", "strict"
	Ignore      []string
	Egress      []string // names of Egress blocks; their rules add up
	Publish     []Publish
	System      System
	Build       Build
	Files       []File
	Rootfs      Rootfs
	Health      *Health
	Update      Update

	Pos Pos               // of the container's block
	Via map[string]string // name of the profile that says a setting, by path; nothing for what the block says
	At  map[string]Pos    // of each setting, by its path: `limits.memory`, `nic["eth0"].ipv4`
}

// Autostart says what the host's boot does with the container.
type Autostart struct {
	Enabled *bool
	Order   int
	Delay   time.Duration
	Group   string
}

// IDMap says which host ids the container's ids are.
type IDMap struct {
	Privileged bool
	Size       uint32 // 0: 65536
}

// NIC is one network interface as the container sees it.
type NIC struct {
	Name    string // interface name inside, "eth0"
	Network string // name of a Network
	Type    string // "bridged" (default), "routed", "macvlan", "physical", or "none": no interface at all
	Parent  string // host interface behind a routed, macvlan or physical one
	VLAN    int    // 0: untagged
	IPv4    string // "auto", an address with or without prefix, "dhcp", "none"; "": auto where the network has IPv4
	IPv6    string // likewise
	MAC     string // "auto" or a MAC
	MTU     int
	Filter  Filter

	Addresses []string // further ones of both families, without prefix length as IPv4 and IPv6
	Prefixes  []string // whole prefixes that are the container's too
	Gateway4  string   // "": the network's; "none"
	Gateway6  string
	Routes    []Route
	Limits    NICLimits
	Publish   []Publish
}

// Route leads a prefix to a neighbour on the interface's network.
type Route struct {
	To  string // prefix
	Via string // address
}

// NICLimits bound what goes through an interface, in bits per second as the
// container sees it. Zero is no limit.
type NICLimits struct {
	Ingress, Egress int64
}

// Publish leads a port of the host to the container: to an interface, or, where
// it is the container's own, to its loopback interface.
type Publish struct {
	Port     string // on the host, as the label has it
	To       *int   // in the container; nil: the same
	Protocol string // "tcp" (default), "udp" or "both"
}

// Filter says which addresses the NIC is held to. nil: the network's default.
type Filter struct {
	MAC, IPv4, IPv6 *bool
}

// Proxy is a proxy server by hand. It is set in the environment.
type Proxy struct {
	HTTP, HTTPS string
	NoProxy     []string
}

// Limits bound what the container may use. Zero is no limit.
type Limits struct {
	Memory    int64   // bytes
	CPUs      float64 // cores
	Processes int64
}

// Mount shows a host folder or file, or a volume, inside the container.
type Mount struct {
	Target   string // absolute path inside
	Source   string // absolute path on the host
	Volume   string // name of a Volume; Source is then unset
	ReadOnly bool
}
