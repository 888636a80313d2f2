package generations

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// Delete removes generation n for good; its number is not used again.
// Errors: ErrNone, ErrCurrent, ErrPinned.
func (b *Book) Delete(n int) error {
	if !b.has(n) {
		return fmt.Errorf("delete generation %d: %w", n, ErrNone)
	}
	pins, err := b.Pins()
	if err != nil {
		return err
	}
	if slices.Contains(pins, n) {
		return fmt.Errorf("delete generation %d: %w", n, ErrPinned)
	}
	return b.drop("delete", n)
}

// Discard takes a generation back that was never put to use, not even tried:
// the undo of Write. One that is not there is as good. Errors: ErrCurrent, ErrActivated.
func (b *Book) Discard(n int) error {
	if !b.has(n) {
		return nil
	}
	acts, err := b.Activations()
	if err != nil && !errors.Is(err, ErrDamaged) {
		return err
	}
	if slices.ContainsFunc(acts, func(a Activation) bool { return a.Generation == n }) {
		return fmt.Errorf("discard generation %d: %w", n, ErrActivated)
	}
	return b.drop("discard", n)
}

// drop removes generation n, unless it is current. The number is noted first:
// whatever happens then, it is not given away again.
func (b *Book) drop(verb string, n int) error {
	err := b.mayDrop(n)
	if err == nil {
		err = b.note(n)
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = errors.Join(b.empty(n), b.note(n))
	}
	if err == nil {
		err = b.erase(n)
	}
	if err != nil {
		return fmt.Errorf("%s generation %d: %w", verb, n, err)
	}
	return nil
}

func (b *Book) mayDrop(n int) error {
	current, err := b.Current()
	if err != nil && !errors.Is(err, ErrNone) {
		return err // which one is current can't be told
	}
	if current == n {
		return ErrCurrent
	}
	return nil
}

func (b *Book) note(n int) error {
	highest, err := b.highest()
	if err != nil || n <= highest {
		return err
	}
	return b.d.replace(b.path("highest"), []byte(strconv.Itoa(n)+"\n"), 0o644)
}

// empty makes room on a full disk, so that what a full disk broke can be
// undone. The folder stays: until the number is noted, it keeps it taken.
func (b *Book) empty(n int) error {
	entries, err := os.ReadDir(b.Path(n))
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		errs = append(errs, b.d.remove(filepath.Join(b.Path(n), e.Name())))
	}
	return errors.Join(errs...)
}

// erase renames first, so that a half-removed generation is never seen.
func (b *Book) erase(n int) error {
	aside := beside(b.Path(n))
	if err := b.d.removeTree(aside); err != nil {
		return err
	}
	if err := b.d.rename(b.Path(n), aside); err != nil {
		return err
	}
	if err := b.d.sync(filepath.Dir(aside)); err != nil {
		return err
	}
	return b.d.removeTree(aside)
}
