package resource

import "path/filepath"

// Disk is a file system in a file.
type Disk struct {
	File string
	At   string // where it is mounted
	Size int64  // bytes that it has at least; 0: whatever it has
}

// Disks are the file systems that the container needs; home is its own folder.
func (c Container) Disks(home string) []Disk {
	list := []Disk{RootDisk(home, c.Rootfs.Size)}
	for _, m := range c.Mounts {
		if m.Size > 0 {
			list = append(list, m.Disk())
		}
	}
	return list
}

// RootDisk holds the writable layers that are bounded.
func RootDisk(home string, size int64) Disk {
	return Disk{File: filepath.Join(home, "bounded.ext4"), At: filepath.Join(home, "bounded"), Size: size}
}

// Disk is that of a volume with a size: Source is a folder in the volume's.
func (m Mount) Disk() Disk {
	return Disk{File: filepath.Join(filepath.Dir(m.Source), "volume.ext4"), At: m.Source, Size: m.Size}
}

// InDisk is where the files of a volume with a size are shown, in its folder.
func InDisk(volume string) string { return filepath.Join(volume, "files") }
