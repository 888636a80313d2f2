package generations

import (
	"fmt"
	"os"
)

// maxFile bounds what is read of one file, in bytes: no record of ours comes
// near it.
const maxFile = 16 << 20

// ReadFile reads a plain file of records. What is none, as a pipe that nobody
// writes to, or is too large, is ErrDamaged.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, damaged(path, fmt.Errorf("%s of %d bytes", info.Mode(), info.Size()))
	}
	return os.ReadFile(path)
}

// WriteFile replaces a plain file as this package does its own: written
// aside, fsynced, renamed, the folder fsynced. The folder has to exist.
func WriteFile(path string, data []byte, mode os.FileMode) error {
	return disk{}.replace(path, data, mode)
}

// WriteNote replaces a plain file without waiting for the disk. A process that
// dies leaves the old content or the new one; a host that loses its power may
// leave neither. It is for what has no meaning after that.
func WriteNote(path string, data []byte, mode os.FileMode) error {
	d, aside := disk{}, beside(path)
	if err := d.remove(aside); err != nil {
		return err
	}
	if err := d.create(aside, data, mode); err != nil {
		return err
	}
	return d.rename(aside, path)
}
