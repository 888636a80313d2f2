package filter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// change looks and acts with nobody between: start hooks of several
// containers and a run of apply may want to at the same time.
func (f *Filter) change(ctx context.Context, act func(have sight) error) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.alone(func() error {
		have, err := f.look(ctx)
		if err != nil {
			return err
		}
		defer f.leave()
		return act(have)
	})
}

// alone holds the lock while f runs. It goes with the process.
func (f *Filter) alone(act func() error) error {
	if err := os.MkdirAll(filepath.Dir(f.lock), 0o755); err != nil {
		return fmt.Errorf("lock firewall: %w", err)
	}
	file, err := os.OpenFile(f.lock, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("lock firewall: %w", err)
	}
	defer file.Close()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err == nil {
			return act()
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock firewall %s: %w", f.lock, err)
		}
	}
}
