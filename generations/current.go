package generations

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Current is the number of the current generation; 0 when there is none yet.
// Errors: ErrNone when it points to one that is gone, ErrDamaged.
func (b *Book) Current() (int, error) {
	target, err := os.Readlink(b.path("current"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, damaged(b.path("current"), err)
	}
	name, inside := strings.CutPrefix(target, "generations/")
	n, ok := parseNumber(name)
	if !inside || !ok {
		return 0, damaged(b.path("current"), fmt.Errorf("points to %q", target))
	}
	if !b.has(n) {
		return 0, fmt.Errorf("read current: generation %d: %w", n, ErrNone)
	}
	return n, nil
}

// Switch makes n the current generation. There is one at every instant; a host
// that loses its power before the next Activate may come up with the one
// before.
// Errors: those of Read.
func (b *Book) Switch(n int) error {
	if _, err := b.Read(n); err != nil {
		return fmt.Errorf("switch: %w", err)
	}
	if err := b.point(n); err != nil {
		return fmt.Errorf("switch to generation %d: %w", n, err)
	}
	return nil
}

// point replaces the symlink by rename, which is atomic. Its target is
// relative, so that the folder can be moved.
func (b *Book) point(n int) error {
	path := b.path("current")
	if err := b.d.remove(beside(path)); err != nil {
		return err
	}
	if err := b.d.symlink(filepath.Join("generations", strconv.Itoa(n)), beside(path)); err != nil {
		return err
	}
	return b.d.rename(beside(path), path)
}

// Clear takes the pointer away: the undo of a first Switch.
func (b *Book) Clear() error {
	if err := b.d.unlink(b.path("current")); err != nil {
		return fmt.Errorf("clear current: %w", err)
	}
	return nil
}
