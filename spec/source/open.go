package source

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// ErrNoFolder says that the text has no folder that files could be read from.
var ErrNoFolder = errors.New("there is no folder to read from")

// Folder is the root folder of a text, for the files that the text refers to.
// No path and no symlink leads out of it.
type Folder struct {
	root *os.Root
	err  error
}

// OpenFolder opens dir. When it can't be opened, every use of the folder says why.
func OpenFolder(dir string) *Folder {
	if dir == "" {
		return &Folder{err: ErrNoFolder}
	}
	root, err := os.OpenRoot(dir)
	return &Folder{root: root, err: err}
}

// Close lets the folder go.
func (f *Folder) Close() error {
	if f.root == nil {
		return nil
	}
	return f.root.Close()
}

// Read reads a text file in the folder.
func (f *Folder) Read(name string) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	return readFile(f.root, within(name), name)
}

// Exists says whether there is a regular file of that name in the folder.
func (f *Folder) Exists(name string) (bool, error) {
	if f.err != nil {
		return false, f.err
	}
	info, err := f.root.Stat(within(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, refused(f.root, within(name), name, err)
	}
	return info.Mode().IsRegular(), nil
}

// Glob lists the regular files below dir that match the pattern, relative to
// dir, in name order. The pattern is that of path.Match.
func (f *Folder) Glob(dir, pattern string) ([]string, error) {
	if f.err != nil {
		return nil, f.err
	}
	sub, err := fs.Sub(f.root.FS(), path.Clean(within(dir)))
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(sub, within(pattern))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, n := range names {
		if info, err := fs.Stat(sub, n); err == nil && info.Mode().IsRegular() {
			files = append(files, n)
		}
	}
	return files, nil
}

// within drops a leading "./": fs.FS knows no such paths.
func within(name string) string {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	return name
}
