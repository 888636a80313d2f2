package state

import (
	"context"
	"os"
	"path/filepath"
	"syscall"

	"strake/reconcile/watch"
)

// Watch tells whenever a run has ended: each writes its name into the lock, and
// closes it then, however it ends.
func (d *Dir) Watch(ctx context.Context, ended func()) error {
	if err := d.make(d.path); err != nil {
		return err
	}
	w, err := watch.NewFiles(func(_, name string) {
		if name == "lock" || name == "" {
			ended()
		}
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { w.Close() })
	return w.Keep([]string{d.path})
}

// Busy says whether a run is under way.
func (d *Dir) Busy() bool {
	f, err := os.Open(filepath.Join(d.path, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
