package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Binary is the program that a container's pre-start hook calls: a copy of
// the strake that made its last generation, so that a container starts also
// after the binary that people call was moved, upgraded or removed.
func (d *Dir) Binary() string { return filepath.Join(d.path, "bin", "strake") }

// KeepBinary makes Binary the program at path. A hard link does where the
// filesystem allows one: an upgrade replaces the other name.
func (d *Dir) KeepBinary(path string) error {
	now, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("keep a copy of strake: %w", err)
	}
	kept, err := os.Stat(d.Binary())
	if err == nil && (os.SameFile(now, kept) || now.Size() == kept.Size() && now.ModTime().Equal(kept.ModTime())) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(d.Binary()), 0o700); err != nil {
		return fmt.Errorf("keep a copy of strake: %w", err)
	}
	aside := d.Binary() + ".new"
	_ = os.Remove(aside) // of a run that was cut short
	if err := os.Link(path, aside); err != nil {
		if err := duplicate(path, aside, now); err != nil {
			_ = os.Remove(aside) // on a full disk the half of it would keep it full
			return fmt.Errorf("keep a copy of strake: %w", err)
		}
	}
	if err := os.Rename(aside, d.Binary()); err != nil {
		return fmt.Errorf("keep a copy of strake: %w", err)
	}
	return nil
}

func duplicate(from, to string, info os.FileInfo) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}
