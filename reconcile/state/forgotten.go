package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"strake/reconcile/ledger"
)

// Forgotten is a container that strake manages no more. Its layers lie in a
// state folder of its own, with a program and a record that its pre-start
// hook needs, so that it can be started for ever.
type Forgotten struct {
	Name string
	Dir  *Dir
}

func (d *Dir) forgotten() string { return filepath.Join(d.path, "forgotten") }

// Elsewhere is the same kind of folder at another path.
func (d *Dir) Elsewhere(path string) *Dir { return Open(path, d.render) }

// Forget moves a container's folder into one of its own, in one rename.
func (d *Dir) Forget(container, uuid string, led ledger.Ledger) (Forgotten, error) {
	own := d.Elsewhere(filepath.Join(d.forgotten(), uuid))
	f := Forgotten{container, own}
	if err := own.make(own.containers()); err != nil {
		return f, err
	}
	if err := own.SetLedger(ledger.New(led.Installation)); err != nil {
		return f, err
	}
	if err := own.KeepBinary(d.Binary()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	for _, shared := range []string{"images", "secrets", "contents", "layers"} {
		err := os.Symlink(filepath.Join(d.path, shared), filepath.Join(own.path, shared))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return f, fmt.Errorf("forget %s: %w", container, err)
		}
	}
	if err := os.Rename(d.Folder(container), own.Folder(container)); err != nil {
		return f, fmt.Errorf("forget %s: %w", container, err)
	}
	return f, nil
}

// Forgotten lists the containers that were forgotten.
func (d *Dir) Forgotten() ([]Forgotten, error) {
	uuids, err := folders(d.forgotten())
	if err != nil {
		return nil, err
	}
	var list []Forgotten
	for _, uuid := range uuids {
		own := d.Elsewhere(filepath.Join(d.forgotten(), uuid))
		names, err := own.Containers()
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			list = append(list, Forgotten{name, own})
		}
	}
	return list, nil
}

// Dissolve deletes what is left of a forgotten container.
func (d *Dir) Dissolve(f Forgotten) error {
	if err := os.RemoveAll(f.Dir.path); err != nil {
		return fmt.Errorf("remove what is left of %s: %w", f.Name, err)
	}
	return nil
}
