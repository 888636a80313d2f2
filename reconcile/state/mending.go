package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"

	"strake/generations"
	"strake/reconcile/heal"
)

func (d *Dir) mending(container string) string {
	return filepath.Join("containers", container, "drift.json")
}

// Mending reads what is known of a container's drift; the zero Record where
// there was none.
func (d *Dir) Mending(container string) (heal.Record, error) {
	var r heal.Record
	return r, d.recall(d.mending(container), &r)
}

// recall reads what note wrote. A power cut may have damaged it: then nothing is
// known.
func (d *Dir) recall(name string, v any) error {
	text, err := generations.ReadFile(filepath.Join(d.path, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && json.Unmarshal(text, v) != nil {
		reflect.ValueOf(v).Elem().SetZero()
	}
	return err
}

// SetMending records what is known of a container's drift. It is in the kernel's
// hands then, and outlives this process, if not a power cut.
func (d *Dir) SetMending(container string, r heal.Record) error {
	if r.Picture == "" && len(r.Tries) == 0 && !r.Flapping {
		return d.ClearMending(container)
	}
	return d.note(d.mending(container), r)
}

// ClearMending forgets it.
func (d *Dir) ClearMending(container string) error {
	err := os.Remove(filepath.Join(d.path, d.mending(container)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the drift of %s: %w", container, err)
	}
	return nil
}

// NetworksMending reads what is known of the drift of networks, by name.
func (d *Dir) NetworksMending() (map[string]heal.Record, error) {
	var all map[string]heal.Record
	err := d.recall("drift.json", &all)
	if all == nil {
		all = map[string]heal.Record{}
	}
	return all, err
}

// SetNetworksMending records it.
func (d *Dir) SetNetworksMending(all map[string]heal.Record) error {
	if have, err := d.NetworksMending(); err == nil && reflect.DeepEqual(have, all) {
		return nil
	}
	return d.note("drift.json", all)
}

// note writes a JSON file without waiting for the disk.
func (d *Dir) note(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return generations.WriteNote(filepath.Join(d.path, name), append(text, '\n'), 0o600)
}
