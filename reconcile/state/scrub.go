package state

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"strake/reconcile/scrub"
)

const readings = "scrub.json"

// Readings are when what is stored was read last; none where nobody knows.
func (d *Dir) Readings() (scrub.Readings, error) {
	r := scrub.Readings{}
	err := d.recall(readings, &r)
	if r == nil {
		r = scrub.Readings{}
	}
	return r, err
}

// ChangeReadings notes others, one process at a time: who reads for hours holds
// no lock.
func (d *Dir) ChangeReadings(change func(scrub.Readings)) error {
	lock, err := os.OpenFile(filepath.Join(d.path, "scrub.lock"), os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("note what was read: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("note what was read: %w", err)
	}
	r, err := d.Readings()
	if err != nil {
		return err
	}
	change(r)
	return d.note(readings, r)
}
