package generations

import "os"

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
