package source

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// Include lists the files that a pattern means, in name order. The pattern is
// that of path.Match, relative to the folder. A name without wildcards has to
// be there; wildcards pass over hidden files, folders, and what is no
// configuration, and may match nothing.
func (f *Folder) Include(pattern string) ([]string, error) {
	if f.err != nil {
		return nil, f.err
	}
	if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
		return nil, errors.New("is not a pattern such as \"sites/*.hcl\"")
	}
	if path.IsAbs(pattern) || slices.Contains(strings.Split(pattern, "/"), "..") {
		return nil, ErrOutside
	}
	names, err := f.expand(".", strings.Split(path.Clean(pattern), "/"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// expand follows the elements of a pattern from dir.
func (f *Folder) expand(dir string, elements []string) ([]string, error) {
	last := len(elements) == 1
	if !strings.ContainsAny(elements[0], wildcards) {
		name := path.Join(dir, elements[0])
		if last {
			return []string{name}, f.includable(name)
		}
		return f.expand(name, elements[1:])
	}
	matches, err := f.matches(dir, elements[0])
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range matches {
		if strings.HasPrefix(name, ".") {
			continue
		}
		more, err := f.matched(path.Join(dir, name), elements[1:])
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	return names, nil
}

// matched goes on with what a wildcard found.
func (f *Folder) matched(name string, rest []string) ([]string, error) {
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, refused(f.root, name, name, err)
	}
	switch {
	case info.IsDir() && len(rest) > 0:
		return f.expand(name, rest)
	case info.IsDir(), len(rest) > 0, !configuration(path.Base(name)):
		return nil, nil
	}
	return []string{name}, nil
}

// includable says why a file that is named without wildcards can't be
// included. Whether it can be read shows when it is.
func (f *Folder) includable(name string) error {
	info, err := f.root.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("read %s: %w", name, os.ErrNotExist)
	case err != nil:
		return refused(f.root, name, name, err)
	case info.IsDir():
		return fmt.Errorf("is a folder: write %q", path.Join(name, "*.hcl"))
	case !configuration(path.Base(name)):
		return errors.New("is not named *.hcl or *.hcl.json")
	}
	return nil
}

// configuration says whether a file of that name holds configuration.
func configuration(name string) bool {
	return name != LockFile && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json"))
}
