package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"strake/generations"
)

func (d *Dir) journal(container string) string {
	return filepath.Join(d.Folder(container), "journal", "run.json")
}

// Journals lists the containers whose last run did not end.
func (d *Dir) Journals() ([]string, error) {
	names, err := d.Containers()
	if err != nil {
		return nil, err
	}
	var open []string
	for _, name := range names {
		if _, err := os.Lstat(d.journal(name)); err == nil {
			open = append(open, name)
		}
	}
	return open, nil
}

// Journal reads what the run under way intends.
func (d *Dir) Journal(container string) ([]byte, error) {
	return generations.ReadFile(d.journal(container))
}

// SetJournal records what a run is about to do, and makes the container's
// folder for it. A host that loses its power loses all that runs, and has
// nothing to undo: what is on disk by then is a generation, current or not.
func (d *Dir) SetJournal(container string, text []byte) error {
	for _, dir := range []string{d.path, d.containers(), d.Folder(container)} {
		if err := d.make(dir); err != nil {
			return err
		}
	}
	path := d.journal(container)
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write journal of %s: %w", container, err)
	}
	if err := os.RemoveAll(d.KeptFiles(container)); err != nil { // of a run whose end was cut short
		return fmt.Errorf("write journal of %s: %w", container, err)
	}
	return generations.WriteNote(path, text, 0o600)
}

// KeptFiles is the folder for files that the run under way replaces.
func (d *Dir) KeptFiles(container string) string {
	return filepath.Join(filepath.Dir(d.journal(container)), "files")
}

// ClearJournal ends the run for this container.
func (d *Dir) ClearJournal(container string) error {
	err := os.Remove(d.journal(container))
	if err == nil {
		err = os.RemoveAll(d.KeptFiles(container))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("end journal of %s: %w", container, err)
	}
	return nil
}

func (d *Dir) underway() string { return filepath.Join(d.path, "underway") }

// Begin marks that a run is under way: it may leave more behind than what
// containers' journals tell.
func (d *Dir) Begin(run string) error {
	if err := d.make(d.path); err != nil {
		return err
	}
	if err := os.WriteFile(d.underway(), []byte(run+"\n"), 0o600); err != nil {
		return fmt.Errorf("begin run: %w", err)
	}
	return nil
}

// Interrupted says whether a run began and never ended.
func (d *Dir) Interrupted() bool {
	_, err := os.Lstat(d.underway())
	return err == nil
}

// End takes the mark away.
func (d *Dir) End() error {
	if err := os.Remove(d.underway()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("end run: %w", err)
	}
	return nil
}
