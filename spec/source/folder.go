package source

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// LockFile is the file of pinned image digests. It lies beside the
// configuration and is none of it.
const LockFile = "strake.lock.hcl"

func readFolder(shown, abs string) (Text, error) {
	root, err := os.OpenRoot(abs)
	if err != nil {
		return Text{}, unreadable(shown, err)
	}
	defer root.Close()
	names, vars, err := list(abs)
	if err != nil {
		return Text{}, unreadable(shown, err)
	}
	if len(names) == 0 {
		return Text{}, fmt.Errorf("read %s: the folder %w", shown, ErrEmpty)
	}
	r := reader{root: root, shown: shown}
	text := Text{Name: StackName(filepath.Base(abs)), Root: abs, Origin: abs}
	if text.Files, err = r.all(names); err != nil {
		return Text{}, err
	}
	if text.Vars, err = r.all(vars); err != nil {
		return Text{}, err
	}
	if text.Lock, err = readLock(r.root, shown); err != nil {
		return Text{}, err
	}
	return text, nil
}

// list gives the names of the folder's configuration and variable files in
// name order. Hidden files are left out: editors keep locks and copies there.
func list(dir string) (names, vars []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."):
		case configuration(name):
			names = append(names, name)
		case strings.HasSuffix(name, ".auto.hclvars"):
			vars = append(vars, name)
		}
	}
	slices.Sort(names)
	slices.Sort(vars)
	return names, vars, nil
}

type reader struct {
	root  *os.Root
	shown string
	total int
}

func (r *reader) all(names []string) ([]File, error) {
	var files []File
	for _, name := range names {
		data, err := readFile(r.root, name, filepath.Join(r.shown, name))
		if err != nil {
			return nil, err
		}
		if r.total += len(data); r.total > MaxTotal {
			return nil, fmt.Errorf("read %s: the folder %w: more than %d MiB", r.shown, ErrTooLarge, MaxTotal>>20)
		}
		files = append(files, File{Name: name, Bytes: data})
	}
	return files, nil
}

// Lock reads the pins of a folder; nil where there are none.
func Lock(folder string) (*File, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, unreadable(folder, err)
	}
	defer root.Close()
	return readLock(root, folder)
}

// readLock reads the pins beside a configuration, where there are any.
func readLock(root *os.Root, shown string) (*File, error) {
	if _, err := root.Lstat(LockFile); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	data, err := readFile(root, LockFile, filepath.Join(shown, LockFile))
	if err != nil {
		return nil, err
	}
	return &File{Name: LockFile, Bytes: data}, nil
}
