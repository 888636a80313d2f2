package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"strake/generations"
)

// The folders of what concerns runs as wholes: those that wait for approval,
// and those that wait to be confirmed.
const (
	Asked       = "asked"
	Unconfirmed = "unconfirmed"
)

// KeepRun writes down something about a run in one of these folders.
func (d *Dir) KeepRun(folder, run string, v any) error {
	if !Plain(run) {
		return fmt.Errorf("keep run: bad name %q", run)
	}
	dir := filepath.Join(d.path, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep run %s: %w", run, err)
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("keep run %s: %w", run, err)
	}
	return generations.WriteFile(filepath.Join(dir, run+".json"), append(text, '\n'), 0o600)
}

// KeptRuns lists what is in a folder, the oldest first: names sort by time.
func (d *Dir) KeptRuns(folder string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.path, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var list []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".json"); ok && !strings.HasPrefix(name, ".") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list, nil
}

// KeptRun reads it; false where there is none.
func (d *Dir) KeptRun(folder, run string, v any) (bool, error) {
	if !Plain(run) {
		return false, nil
	}
	return d.read(filepath.Join(folder, run+".json"), v)
}

// DropRun forgets it. Gone already is fine.
func (d *Dir) DropRun(folder, run string) error {
	if !Plain(run) {
		return nil
	}
	return d.unlink(filepath.Join(folder, run+".json"))
}

func (d *Dir) unlink(name string) error {
	err := os.Remove(filepath.Join(d.path, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// Suspension is the operator's word that nothing is to be changed by itself.
type Suspension struct {
	Why   string    `json:"why,omitempty"`
	By    string    `json:"by"`
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // zero: until it is resumed
}

// Holds says whether it still counts.
func (s Suspension) Holds(now time.Time) bool {
	return !s.Since.IsZero() && (s.Until.IsZero() || now.Before(s.Until))
}

// suspension is the file about one container; "": about all.
func suspension(container string) string {
	if container == "" {
		return "suspended.json"
	}
	return filepath.Join("containers", container, "suspended.json")
}

// Suspended reads the word about a container, or ("") about all; the zero
// Suspension where none was given.
func (d *Dir) Suspended(container string) (Suspension, error) {
	var s Suspension
	_, err := d.read(suspension(container), &s)
	return s, err
}

// Suspend records it.
func (d *Dir) Suspend(container string, s Suspension) error { return d.write(suspension(container), s) }

// Resume takes it back.
func (d *Dir) Resume(container string) error { return d.unlink(suspension(container)) }
