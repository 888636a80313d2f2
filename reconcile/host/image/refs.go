package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// ref is what a source turned out to be. Stamp identifies what it was made
// from where that is not for ever: the machine's busybox.
type ref struct {
	Digest string `json:"digest"`
	Stamp  string `json:"stamp,omitempty"`

	From map[string]string `json:"from,omitempty"` // the source's own words for it
}

func (s *Store) refs() (map[string]ref, error) {
	refs := map[string]ref{}
	path := filepath.Join(s.dir, "refs.json")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return refs, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &refs); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return refs, nil
}

// changeRefs reads, changes and writes refs.json, one at a time.
func (s *Store) changeRefs(change func(map[string]ref)) error {
	unlock, err := s.lock("refs")
	if err != nil {
		return err
	}
	defer unlock()
	refs, err := s.refs()
	if err != nil {
		return err
	}
	change(refs)
	text, err := json.MarshalIndent(refs, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(s.dir, "refs.json"), append(text, '\n'), 0o600)
}

// lock waits for others at the same thing, in this process and in any other.
func (s *Store) lock(slot string) (unlock func(), err error) {
	file, err := s.lockFile(slot)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		_ = file.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return func() { _ = file.Close() }, nil
}

// tryLock is lock where nobody holds it; ok is false where somebody does.
func (s *Store) tryLock(slot string) (unlock func(), ok bool, err error) {
	file, err := s.lockFile(slot)
	if err != nil {
		return nil, false, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = file.Close() }, true, nil
	}
	_ = file.Close()
	if err == unix.EWOULDBLOCK {
		return nil, false, nil
	}
	return nil, false, os.NewSyscallError("flock", err)
}

func (s *Store) lockFile(slot string) (*os.File, error) {
	dir := filepath.Join(s.dir, ".locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, slot), os.O_CREATE|os.O_RDWR, 0o600)
}
