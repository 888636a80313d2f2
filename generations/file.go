package generations

import "os"

// WriteFile replaces a plain file as this package does its own: written
// aside, fsynced, renamed, the folder fsynced. The folder has to exist.
func WriteFile(path string, data []byte, mode os.FileMode) error {
	return disk{}.replace(path, data, mode)
}
