//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// The head of a configuration that strake wrote. The first line names its
// owner; all behind the include is people's.
const (
	mark = "# strake: "
	note = "# Written by strake. Lines below the include are yours and are kept."
)

const include = "lxc.include"

func (r *Runtime) config(name string) string { return filepath.Join(r.path, name, "config") }

// Definition reads how liblxc knows a container; false where it does not.
func (r *Runtime) Definition(name string) (resource.Definition, bool, error) {
	if err := checkName(name); err != nil {
		return resource.Definition{}, false, err
	}
	text, err := os.ReadFile(r.config(name))
	if errors.Is(err, fs.ErrNotExist) {
		return resource.Definition{}, false, nil
	}
	if err != nil {
		return resource.Definition{}, false, fmt.Errorf("read LXC configuration: %w", err)
	}
	return parseDefinition(string(text)), true, nil
}

func parseDefinition(text string) resource.Definition {
	var d resource.Definition
	first, rest, _ := strings.Cut(text, "\n")
	words, ok := strings.CutPrefix(first, mark)
	if !ok {
		d.Tail = text
		return d
	}
	for _, w := range strings.Fields(words) {
		if v, ok := strings.CutPrefix(w, "container="); ok {
			d.Owner = v
		}
		if v, ok := strings.CutPrefix(w, "stack="); ok {
			d.Stack = v
		}
	}
	rest = strings.TrimPrefix(rest, note+"\n")
	line, tail, _ := strings.Cut(rest, "\n")
	key, value, _ := strings.Cut(line, "=")
	if strings.TrimSpace(key) != include {
		d.Tail = rest // somebody took the include out
		return d
	}
	d.Include, d.Tail = strings.TrimSpace(value), tail
	return d
}

// definitionText is the file. A definition without an include is all people's.
func definitionText(d resource.Definition) string {
	if d.Include == "" {
		return d.Tail
	}
	return fmt.Sprintf("%sstack=%s container=%s\n%s\n%s = %s\n%s", mark, d.Stack, d.Owner, note, include, d.Include, d.Tail)
}

// Define makes a container known to liblxc, or changes how it is.
func (r *Runtime) Define(name string, d resource.Definition) error {
	if err := checkName(name); err != nil {
		return err
	}
	path := r.config(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o711); err != nil {
		return fmt.Errorf("define container: %w", err)
	}
	text := definitionText(d)
	if have, err := os.ReadFile(path); err == nil && string(have) == text {
		return nil
	}
	if err := replace(path, text); err != nil {
		return fmt.Errorf("define container: %w", err)
	}
	return nil
}

// replace writes a file aside, makes it durable and renames it into place.
func replace(path, text string) error {
	mode := fs.FileMode(0o640)
	if have, err := os.Lstat(path); err == nil {
		mode = have.Mode().Perm() // one that was taken over may be for all to read
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Undefine makes liblxc forget a container. What else lies in its folder
// stays. Not known already is fine.
func (r *Runtime) Undefine(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	_, err := os.Lstat(filepath.Dir(r.config(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // rmdir(2) of nothing says EROFS on a read-only file system
	}
	err = os.Remove(r.config(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("undefine container: %w", err)
	}
	err = os.Remove(filepath.Dir(r.config(name)))
	if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTEMPTY) {
		return nil
	}
	return fmt.Errorf("undefine container: %w", err)
}
