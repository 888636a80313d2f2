// Package desired turns a spec into resources: every default filled in, every
// choice made. Choices that were made before are kept, by way of the ledger.
// It is pure.
package desired

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"strake/reconcile/idmap"
	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/spec"
)

// Input is a spec and what it has to fit.
type Input struct {
	Spec   spec.Stack
	Ledger ledger.Ledger
	Images map[string]resource.Image // by ImageKey; what is not known yet has no digest
	Pool   []idmap.Range             // host ids that containers may have
	UUID   func() string
	Others []resource.Network      // managed networks of other stacks
	Adopt  map[string]ledger.Entry // what containers have that are to be taken over

	// Last is what containers are made of now, by the names that they shall have.
	Last map[string]resource.Container
}

// Want is what a spec comes to on this host.
type Want struct {
	Containers []resource.Container // sorted by name
	Networks   []resource.Network   // external ones included
	Ledger     ledger.Ledger        // with the choices that were made
	Contents   map[string]string    // of files that hold a digest, by that
}

// UUID is the identity of a wanted container.
func (w Want) UUID(name string) string { return w.Ledger.Containers[name].UUID }

// builder fills in one stack.
type builder struct {
	in       Input
	draft    *ledger.Draft
	networks map[string]resource.Network
	shared   map[string]resource.Network // managed ones of other stacks, by bridge
	contents map[string]string
	errs     []error
}

// Build fills in everything. Its error joins all that was found.
func Build(in Input) (Want, error) {
	b := &builder{in: in, draft: in.Ledger.Edit(ledger.Host{Pool: in.Pool, UUID: in.UUID}), networks: map[string]resource.Network{}, shared: shared(in.Others), contents: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(in.Adopt)) {
		b.note(b.draft.Adopt(name, in.Adopt[name]))
	}
	var w Want
	for _, n := range in.Spec.Networks {
		b.networks[n.Name] = b.network(n)
		w.Networks = append(w.Networks, b.networks[n.Name])
	}
	w.Containers = make([]resource.Container, len(in.Spec.Containers))
	for i, c := range in.Spec.Containers {
		w.Containers[i] = b.container(c)
	}
	b.interfaces(w.Containers)
	for i := range w.Containers {
		w.Containers[i].Networks = b.networksOf(w.Containers[i])
		b.outlet(&w.Containers[i], in.Spec.Containers[i])
		if !w.Containers[i].Image.Adopted() {
			w.Containers[i].Resolver = b.resolver(w.Containers[i])
		}
	}
	slices.SortFunc(w.Containers, func(x, y resource.Container) int { return cmp.Compare(x.Name, y.Name) })
	w.Ledger, w.Contents = b.draft.Ledger(), b.contents
	return w, errors.Join(b.errs...)
}

func (b *builder) network(n spec.Network) resource.Network {
	if n.External != "" {
		return resource.Network{Name: n.Name, Bridge: n.External, External: true}
	}
	return resource.Network{
		Name: n.Name, Bridge: cmp.Or(n.Bridge, "st-"+n.Name), MAC: b.draft.BridgeMAC(n.Name),
		IPv4: unlessNone(n.IPv4), IPv6: unlessNone(n.IPv6),
		NATThrough: n.NATThrough, DHCP: n.DHCP, DNS: n.DNS, Upstream: n.Upstream, RA: n.RA,
		NAT: n.NAT, Isolate: n.Isolate, HostAccess: n.HostAccess, MTU: n.MTU,
	}
}

func unlessNone(s string) string {
	if s == "none" {
		return ""
	}
	return s
}

// container fills in all but what the interfaces of all containers decide
// together.
func (b *builder) container(c spec.Container) resource.Container {
	b.draft.UUID(c.Name)
	img := b.image(c)
	made := resource.Container{
		Name: c.Name, Hostname: cmp.Or(c.Hostname, c.Name), Running: c.Running == nil || *c.Running, Image: img,
		Autostart: resource.Autostart{
			Enabled: c.Autostart.Enabled != nil && *c.Autostart.Enabled, Order: c.Autostart.Order,
			Delay: int(c.Autostart.Delay.Seconds()), Group: c.Autostart.Group,
		},
		IDMap: b.ids(c), NICs: b.nics(c), Environment: environment(c), Egress: b.egress(c), Publish: publish(c.Publish),
		System: b.system(c), Build: b.build(c), Files: b.files(c.Files), Rootfs: resource.Rootfs{Ephemeral: c.Rootfs.Ephemeral, Size: c.Rootfs.Size},
		Health: health(c), Update: update(c),
		Limits:    resource.Limits{Memory: c.Limits.Memory, CPU: int64(c.Limits.CPUs*1000 + 0.5), Processes: c.Limits.Processes},
		Mounts:    b.mounts(c),
		DependsOn: slices.Sorted(slices.Values(c.DependsOn)), Raw: raw(c.Raw),
		Protect: c.Protect, Drift: c.Drift, Ignore: slices.Sorted(slices.Values(c.Ignore)),
	}
	b.secrets(c, &made)
	b.foreignRoot(made)
	if img.Adopted() {
		if !b.draft.Entry(c.Name).Adopted {
			b.errs = append(b.errs, fmt.Errorf("container %s: its image is the root filesystem of a container that somebody else made: only `strake import` brings one in", c.Name))
		}
		made.Hostname = c.Hostname // LXC gives the host's own where none is written
		return made
	}
	made.Writable = b.writable(c.Name, img)
	return made.Layered()
}

// writable are the layers that the container has. Another source of the image
// gets a new, empty one.
func (b *builder) writable(name string, img resource.Image) []int {
	if last := b.in.Last[name]; len(last.Writable) > 0 && last.Image.Source == img.Source {
		return last.Writable
	}
	return []int{b.draft.Layer(name)}
}

// raw has the values of a key a line each, as liblxc prints them.
func raw(keys map[string][]string) map[string]string {
	if keys == nil {
		return nil
	}
	lines := make(map[string]string, len(keys))
	for key, values := range keys {
		lines[key] = strings.Join(values, "\n")
	}
	return lines
}

func (b *builder) image(c spec.Container) resource.Image {
	img := imageOf(c)
	if known, ok := b.in.Images[img.Key()]; ok {
		return known
	}
	return img
}

func imageOf(c spec.Container) resource.Image {
	if c.Image == nil {
		return resource.Image{Source: "builtin:busybox"}
	}
	return resource.Image{Source: c.Image.Source, Include: c.Image.Include, SHA256: c.Image.SHA256, Mirror: c.Image.Mirror}
}

// AskedFor is how a text asks for an image.
func AskedFor(img resource.Image) spec.Image {
	return spec.Image{Source: img.Source, Include: img.Include, SHA256: img.SHA256, Mirror: img.Mirror}
}

// Images lists the images that a stack needs, each once, with what they are
// pinned to.
func Images(s spec.Stack) []resource.Image {
	seen := map[string]bool{}
	var list []resource.Image
	for _, c := range s.Containers {
		img := imageOf(c)
		if key := img.Key(); !seen[key] && !img.Adopted() {
			seen[key] = true
			pin := s.Pinned(AskedFor(img))
			img.Digest, img.From = pin.Digest, pin.From
			list = append(list, img)
		}
	}
	return list
}

func (b *builder) ids(c spec.Container) resource.IDMap {
	if c.IDMap.Privileged {
		return resource.IDMap{Privileged: true}
	}
	if _, own := c.Raw["lxc.idmap"]; own && imageOf(c).Adopted() {
		return resource.IDMap{}
	}
	if imageOf(c).Adopted() {
		return b.broughtIDs(c)
	}
	r, err := b.draft.IDs(c.Name, cmp.Or(c.IDMap.Size, 65536))
	if err != nil {
		b.errs = append(b.errs, fmt.Errorf("container %s: %w; /etc/subuid and /etc/subgid say what root has to give, and `strake doctor` how to add to it", c.Name, err))
	}
	return resource.IDMap{Base: r.Base, Size: r.Size}
}

// broughtIDs are those of an adopted root filesystem. The owners of its files
// are on disk, and strake does not map them.
func (b *builder) broughtIDs(c spec.Container) resource.IDMap {
	have, size := b.draft.Entry(c.Name).Brought, cmp.Or(c.IDMap.Size, 65536)
	if len(have) == 1 && have[0].Size == size {
		return resource.IDMap{Base: have[0].Base, Size: have[0].Size}
	}
	if b.draft.Entry(c.Name).Adopted {
		b.errs = append(b.errs, fmt.Errorf("container %s: the ids of an adopted root filesystem are on disk: its idmap stays as it was", c.Name))
	}
	return resource.IDMap{}
}

// environment is what is declared, and what a proxy adds to it. Programs
// disagree about the case of the proxy variables, so both are set.
func environment(c spec.Container) map[string]string {
	env := maps.Clone(c.Environment)
	if c.Proxy == nil {
		return env
	}
	return proxied(env, *c.Proxy)
}

func proxied(env map[string]string, p spec.Proxy) map[string]string {
	if env == nil {
		env = map[string]string{}
	}
	for name, value := range proxyVariables(p) {
		if value != "" {
			env[name], env[strings.ToUpper(name)] = value, value
		}
	}
	return env
}

func proxyVariables(p spec.Proxy) map[string]string {
	return map[string]string{"http_proxy": p.HTTP, "https_proxy": p.HTTPS, "no_proxy": strings.Join(p.NoProxy, ",")}
}

// inVolume is where the files of a volume are.
func inVolume(v spec.Volume) string {
	if v.Size > 0 {
		return resource.InDisk(v.Path)
	}
	return v.Path
}

func (b *builder) mounts(c spec.Container) []resource.Mount {
	var list []resource.Mount
	for _, m := range c.Mounts {
		mount := resource.Mount{Target: m.Target, Source: m.Source, Volume: m.Volume, ReadOnly: m.ReadOnly}
		for _, v := range b.in.Spec.Volumes {
			if v.Name == m.Volume {
				mount.Source, mount.Size = inVolume(v), v.Size
			}
		}
		list = append(list, mount)
	}
	slices.SortFunc(list, func(a, b resource.Mount) int { return cmp.Compare(a.Target, b.Target) })
	return list
}

func (b *builder) networksOf(c resource.Container) []resource.Network {
	names := map[string]bool{}
	for _, n := range c.NICs {
		if n.Network != "" {
			names[n.Network] = true
		}
	}
	var list []resource.Network
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, b.networks[name])
	}
	return list
}

// prefix reads an address with prefix length; the zero Prefix for none.
func prefix(s string) netip.Prefix {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
