package netdev

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// ledger is the file that remembers what host-wide settings were before.
type ledger struct {
	Boot     string           `json:"boot"` // boot id: settings do not outlive a boot
	Settings map[string]entry `json:"settings"`

	path string
}

// entry is one setting that was changed, and for whom.
type entry struct {
	Was   string   `json:"was"`
	Users []string `json:"users"`               // bridges
	RA    []string `json:"accept_ra,omitempty"` // interfaces whose accept_ra went from 1 to 2
	Alone []string `json:"alone,omitempty"`     // interfaces that forwarded before the whole host did
}

func (d *Devices) recordPath() string { return filepath.Join(d.opt.Record, "forwarding.json") }

// readRecord is empty when there is none.
func (d *Devices) readRecord() (ledger, error) {
	r := ledger{path: d.recordPath()}
	text, err := os.ReadFile(r.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return r, fmt.Errorf("read record of host settings: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(text, &r); err != nil {
			return r, fmt.Errorf("read record of host settings %s: %w", r.path, err)
		}
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return r, fmt.Errorf("read boot id: %w", err)
	}
	if id := strings.TrimSpace(string(boot)); r.Boot != id {
		r.Boot, r.Settings = id, nil
	}
	if r.Settings == nil {
		r.Settings = map[string]entry{}
	}
	return r, nil
}

// locked runs f alone: start hooks of several containers make the same bridge
// and change the same record at the same time.
func (d *Devices) locked(f func() error) error {
	if err := os.MkdirAll(d.opt.Record, 0o700); err != nil {
		return fmt.Errorf("make folder of records: %w", err)
	}
	lock, err := os.OpenFile(d.recordPath()+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock record of host settings: %w", err)
	}
	defer lock.Close()
	if err := flock(lock); err != nil {
		return fmt.Errorf("lock record of host settings: %w", err)
	}
	return f()
}

func flock(f *os.File) error {
	for {
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// save replaces the file at once: written aside, synced, renamed.
func (r *ledger) save() error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(r.path); err == nil && string(old) == string(text)+"\n" {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(r.path), ".forwarding-")
	if err != nil {
		return fmt.Errorf("write record of host settings: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), r.path)
	}
	if err != nil {
		return fmt.Errorf("write record of host settings: %w", err)
	}
	return syncFolder(filepath.Dir(r.path))
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
