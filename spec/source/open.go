package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
)

// ErrNoFolder says that the text has no folder that files could be read from.
var ErrNoFolder = errors.New("there is no folder to read from")

// Folder is the root folder of a text, for the files that the text refers to.
// No path and no symlink leads out of it.
type Folder struct {
	root   *os.Root
	err    error
	listed atomic.Int64 // entries that patterns were held against
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

// Bytes reads a file in the folder as it is, text or not.
func (f *Folder) Bytes(name string) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	return readBytes(f.root, within(name), name)
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
// dir, in name order. The pattern is that of path.Match. Where there is nothing
// the list is empty; what leads out of the folder is an error, as it would be
// when it is read.
func (f *Folder) Glob(dir, pattern string) ([]string, error) {
	if f.err != nil {
		return nil, f.err
	}
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		return nil, fmt.Errorf("%q is not a pattern such as \"sites/*.txt\"", pattern)
	}
	dir, pattern = path.Clean(within(dir)), path.Clean(within(pattern))
	if !filepath.IsLocal(dir) || !filepath.IsLocal(pattern) {
		return nil, fmt.Errorf("list %s: the path %w", path.Join(dir, pattern), ErrOutside)
	}
	return f.find(dir, "", strings.Split(pattern, "/"))
}

// find follows the elements of a pattern from dir/under.
func (f *Folder) find(dir, under string, elements []string) ([]string, error) {
	at := path.Join(dir, under)
	info, err := f.root.Stat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, refused(f.root, at, at, err)
	case len(elements) == 0 && info.Mode().IsRegular():
		return []string{under}, nil
	case len(elements) == 0 || !info.IsDir():
		return nil, nil
	}
	names := elements[:1]
	if strings.ContainsAny(names[0], wildcards) {
		if names, err = f.matches(at, names[0]); err != nil {
			return nil, err
		}
	}
	var files []string
	for _, name := range names {
		more, err := f.find(dir, path.Join(under, name), elements[1:])
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	return files, nil
}

// mostListed bounds the entries of folders that patterns are held against, of
// all patterns together: links back to a folder make few of them many, and each
// link on the way to one takes as long as an entry.
const mostListed = 500_000

// wildcards are the signs of path.Match that stand for others.
const wildcards = `*?[\`

// matches are the entries of a folder that match one element of a pattern.
func (f *Folder) matches(dir, element string) ([]string, error) {
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if err != nil {
		return nil, refused(f.root, dir, dir, err)
	}
	if n := len(entries) * (1 + strings.Count(dir, "/")); f.listed.Add(int64(n)) > mostListed {
		return nil, fmt.Errorf("list %s: these patterns go through more than %d files", dir, mostListed)
	}
	var names []string
	for _, e := range entries {
		if ok, _ := path.Match(element, e.Name()); ok {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// within drops a leading "./": fs.FS knows no such paths.
func within(name string) string {
	for strings.HasPrefix(name, "./") {
		name = strings.TrimLeft(name[2:], "/")
	}
	return name
}
