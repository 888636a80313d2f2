package generations

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// maxFile bounds what is read of one file, in bytes: no record of ours comes
// near it.
const maxFile = 16 << 20

// ReadFile reads a plain file of records. What is none, as a pipe that nobody
// writes to, or is too large, is ErrDamaged.
func ReadFile(path string) ([]byte, error) {
	info, err := plainFile(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, odd(path, info)
	}
	return os.ReadFile(path)
}

func plainFile(path string) (os.FileInfo, error) {
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = odd(path, info)
	}
	return info, err
}

func odd(path string, info os.FileInfo) error {
	return damaged(path, fmt.Errorf("%s of %d bytes", info.Mode(), info.Size()))
}

// readEnd reads a file that only ever grows: the lines at its end, where it
// is larger than is read of any file, and at which byte they begin. The oldest
// ones are done without.
func readEnd(path string) (text []byte, from int64, err error) {
	info, err := plainFile(path)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	from = max(0, info.Size()-maxFile)
	text, err = io.ReadAll(io.NewSectionReader(f, from, maxFile))
	if from > 0 {
		part := bytes.IndexByte(text, '\n') + 1
		text, from = text[part:], from+int64(part)
	}
	return text, from, err
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
