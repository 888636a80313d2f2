package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Spoil says that the root which is mounted now is of something damaged: it
// stays for what runs on it, and no start is made on it again. A mount can't be
// told from another one of layers of the same names, so that is noted beside it.
// Error: ErrNotMounted.
func (r *Roots) Spoil(container string) error {
	if err := checkName(container); err != nil {
		return err
	}
	lock, err := r.lock(container)
	if errors.Is(err, ErrNoLayer) {
		return fmt.Errorf("spoil root of %s: %w", container, ErrNotMounted)
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	_, mounted, err := mountAt(r.Path(container))
	if err == nil && !mounted {
		err = ErrNotMounted
	}
	if err == nil {
		err = os.WriteFile(r.spoiled(container), nil, 0o600)
	}
	if err != nil {
		return fmt.Errorf("spoil root of %s: %w", container, err)
	}
	return nil
}

// Spoiled says whether what is mounted is.
func (r *Roots) Spoiled(container string) bool {
	_, err := os.Lstat(r.spoiled(container))
	return err == nil
}

// sound takes the word back: nothing is mounted any more. Copies for an old kernel
// go first, as they may be of what was damaged already.
func (r *Roots) sound(container string) error {
	if !r.Spoiled(container) { // on a disk that is read-only nothing can be removed, not even nothing
		return nil
	}
	if err := os.RemoveAll(filepath.Join(r.home(container), shifted)); err != nil {
		return err
	}
	return os.Remove(r.spoiled(container))
}

func (r *Roots) spoiled(container string) string { return filepath.Join(r.home(container), "spoiled") }
