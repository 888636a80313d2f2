package resource

// Live is what liblxc and the kernel tell of one container's init.
type Live struct {
	State    State
	Init     int    // pid on the host; 0 when not up
	Started  uint64 // start time of init in clock ticks since boot: together with Init the identity of this very run
	Hostname string
	IDMap    IDMap
	Limits   Limits
	Items    map[string]string // running configuration items that were asked for
	Environ  map[string]string // of init itself
}

// Definition is what liblxc needs to know a container by name: the file
// "config" in its folder of the LXC path.
type Definition struct {
	Stack   string
	Owner   string // uuid of the container
	Include string // absolute path of the current generation's LXC configuration
	Tail    string // lines that people added below; kept as they are
}

// Root is a container's root filesystem: what is stacked on what.
type Root struct {
	Container string
	Digest    string   // image
	Layers    []string // keys of system layers on it, newest first
	Writable  []int    // newest first
	IDMap     IDMap
	Bounded   bool // a new layer comes where its size is bounded; nobody can tell from a mount

	// Staged are the mounts that are made ready on the host before a start:
	// read-only ones, and those of volumes, with ids mapped. Nobody can tell
	// from what a container runs on: empty where a root was looked at.
	Staged []Mount
}

// IsStaged says whether liblxc can't make the mount as it has to be.
func (m Mount) IsStaged() bool { return m.ReadOnly || m.Volume != "" }

// RootOf is the root filesystem that c describes.
func RootOf(c Container) Root {
	r := Root{Container: c.Name, Digest: c.Image.Digest, Layers: c.Layers, Writable: c.Writable, IDMap: c.IDMap, Bounded: c.Rootfs.Size > 0}
	for _, m := range c.Mounts {
		if m.IsStaged() {
			r.Staged = append(r.Staged, m)
		}
	}
	return r
}

// FileChange is a file or folder of a container's root that is otherwise than
// it was. The path of a folder ends with a slash.
type FileChange struct {
	Path string `json:"path"`
	How  string `json:"how"`            // "added", "changed" or "removed"
	Was  int64  `json:"was,omitempty"`  // bytes before
	Size int64  `json:"size,omitempty"` // bytes after
}
