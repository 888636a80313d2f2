// Package state is strake's own folder: where everything that it has to
// remember lies, as plain files that people can read. It decides nothing. One
// process at a time writes, the one that holds the lock; opening the folder
// and reading from it write nothing.
package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"strake/generations"
	"strake/reconcile/ledger"
	"strake/reconcile/resource"
)

// Dir is the folder.
type Dir struct {
	path   string
	render Renderer
	held   atomic.Pointer[string] // what this process wrote into the lock last
	known  memory
	layers layers
}

// Renderer turns a container into its LXC configuration. folder is the path
// of the state folder that holds the container.
type Renderer func(folder string, c resource.Container) (string, error)

// Open takes path, absolute, as the folder.
func Open(path string, render Renderer) *Dir { return &Dir{path: path, render: render} }

// Plain says whether a name is one element of a path: only such a name can be
// a container's or a stack's.
func Plain(name string) bool {
	return filepath.IsLocal(name) && filepath.Base(name) == name && name != "."
}

// Path is the folder itself.
func (d *Dir) Path() string { return d.path }

func (d *Dir) containers() string { return filepath.Join(d.path, "containers") }

// Folder is where everything of one container lies.
func (d *Dir) Folder(container string) string { return filepath.Join(d.containers(), container) }

// The logs of a container, in its folder.
const (
	LXCLog     = "lxc.log"
	ConsoleLog = "console.log"
)

// Logs are where a container's logs are, liblxc's first.
func (d *Dir) Logs(container string) []string {
	return []string{filepath.Join(d.Folder(container), LXCLog), filepath.Join(d.Folder(container), ConsoleLog)}
}

// Book holds the generations of a container.
func (d *Dir) Book(container string) *generations.Book { return generations.Open(d.Folder(container)) }

// RootFS is where a container's root filesystem is mounted.
func (d *Dir) RootFS(container string) string { return filepath.Join(d.Folder(container), "rootfs") }

// Include is the LXC configuration of whatever generation is current.
func (d *Dir) Include(container string) string {
	return filepath.Join(d.Folder(container), "current", ConfigFile)
}

// The files of a container's generation. People edit the configuration that
// liblxc reads; the copy tells what it was. Only one with what the start-host hook
// has to bring has a list of it: a start looks for the file, which costs less than to read another.
const (
	DesiredFile = "desired.json"
	ConfigFile  = "lxc.conf"
	WrittenFile = "lxc.conf.written"
	LateFile    = "late"
)

// Render makes the files of a generation.
func (d *Dir) Render(c resource.Container) (map[string][]byte, error) {
	desired, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", c.Name, err)
	}
	config, err := d.render(d.path, c)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", c.Name, err)
	}
	files := map[string][]byte{DesiredFile: append(desired, '\n'), ConfigFile: []byte(config), WrittenFile: []byte(config)}
	if c.Late() {
		files[LateFile] = []byte(late(c))
	}
	return files, nil
}

// late are the settings that liblxc can't bring about, a line each: secrets,
// whose values are kept elsewhere, and interfaces.
func late(c resource.Container) string {
	var list strings.Builder
	_ = c.EachSecret(func(path string, _ *resource.Secret) error { list.WriteString(path + "\n"); return nil })
	for _, n := range c.NICs {
		if n.Incomplete() {
			list.WriteString(resource.Labelled("nic", n.Name) + "\n")
		}
	}
	for _, e := range c.Egress {
		list.WriteString(resource.Labelled("egress", e.Name) + "\n")
	}
	for _, p := range c.Publish {
		list.WriteString(resource.Labelled("publish", strconv.Itoa(p.Port)) + "\n")
	}
	return list.String()
}

// Mend puts the LXC configuration of a generation back to what it was written
// as. That another strake would write another one is no reason to change it.
func (d *Dir) Mend(container string, generation int) error {
	want, err := d.Written(container, generation)
	if err != nil {
		return err
	}
	path := filepath.Join(d.Book(container).Path(generation), ConfigFile)
	if have, err := generations.ReadFile(path); err == nil && bytes.Equal(have, want) {
		return nil
	}
	return generations.WriteFile(path, want, 0o600)
}

// Written is the LXC configuration of a generation as it was written. Without
// a whole copy it is made anew.
func (d *Dir) Written(container string, generation int) ([]byte, error) {
	text, err := d.Book(container).File(generation, WrittenFile)
	if err == nil || !errors.Is(err, generations.ErrDamaged) {
		return text, err
	}
	c, err := d.Desired(container, generation)
	if err != nil {
		return nil, err
	}
	config, err := d.render(d.path, c)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", container, err)
	}
	return []byte(config), nil
}

// Containers lists the names of all containers that have a folder.
func (d *Dir) Containers() ([]string, error) {
	names, err := folders(d.containers())
	if err == nil {
		d.known.drop(names)
	}
	return names, err
}

func folders(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Desired reads what a generation of a container is made of, under the name
// that the container has now.
func (d *Dir) Desired(container string, generation int) (resource.Container, error) {
	var c resource.Container
	text, err := d.Book(container).File(generation, DesiredFile)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read generation %d of %s: %w", generation, container, err)
	}
	return c.Named(container), nil
}

// Rename gives a container's folder another name, with all that is in it.
// Where it was done already there is nothing to do.
func (d *Dir) Rename(from, to string) error {
	err := os.Rename(d.Folder(from), d.Folder(to))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("rename %s: %w", from, err)
	}
	return nil
}

// Remove deletes a container's folder and all in it. Gone already is fine.
func (d *Dir) Remove(container string) error {
	if err := os.RemoveAll(d.Folder(container)); err != nil {
		return fmt.Errorf("remove %s: %w", container, err)
	}
	return nil
}

// Ledger reads the choices made so far.
func (d *Dir) Ledger() (ledger.Ledger, error) {
	text, err := generations.ReadFile(d.ledgerFile())
	if errors.Is(err, fs.ErrNotExist) {
		return ledger.New(d.installation()), nil
	}
	if err != nil {
		return ledger.Ledger{}, err
	}
	l, err := ledger.Decode(text)
	if err != nil {
		return l, fmt.Errorf("read %s: %w", d.ledgerFile(), err)
	}
	return l, nil
}

func (d *Dir) ledgerFile() string { return filepath.Join(d.path, "ledger.json") }

// SetLedger records the choices.
func (d *Dir) SetLedger(l ledger.Ledger) error { return d.write("ledger.json", l) }

// installation tells two installations on one host apart, and is the same
// before and after the first write: a plan must not depend on having written.
func (d *Dir) installation() string {
	machine, _ := os.ReadFile("/etc/machine-id") // a host without one still has the path
	sum := sha256.Sum256(append(machine, d.path...))
	return hex.EncodeToString(sum[:4])
}

// read reads a JSON file; false where there is none.
func (d *Dir) read(name string, v any) (bool, error) {
	text, err := generations.ReadFile(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return false, fmt.Errorf("read %s: %w", filepath.Join(d.path, name), err)
	}
	return true, nil
}

// write replaces a JSON file, making the folders on the way.
func (d *Dir) write(name string, v any) error {
	path := filepath.Join(d.path, name)
	if err := d.make(filepath.Dir(path)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return generations.WriteFile(path, append(text, '\n'), 0o600)
}

// make makes a folder. Containers' ids may pass through those above their
// root filesystem, and read none.
func (d *Dir) make(path string) error {
	if err := os.MkdirAll(path, 0o711); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if path != d.path {
		return nil
	}
	return passable(path)
}

// passable lets a container's root user, who is nobody here, go through to its root.
// Who kept something there first, as the store of images, may have made it for itself.
func passable(path string) error {
	at, err := os.Stat(path)
	if err == nil && at.Mode().Perm()&0o111 != 0o111 {
		err = os.Chmod(path, at.Mode().Perm()|0o111)
	}
	return err
}
