package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"strake/reconcile/resource"
)

// ErrDamaged: what is in the store is not what was put there.
var ErrDamaged = resource.ErrDamaged

// damaged begins the name of a folder that is not what it was, as it is.
const damaged = ".damaged-"

// made is when each was put into the store, by digest: its record was written
// then, and is not written again. What has none was made at no time.
func (s *Store) made(record string) (map[string]time.Time, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	list := map[string]time.Time{}
	for _, e := range entries {
		if !digestForm().MatchString(e.Name()) {
			continue
		}
		list[e.Name()] = time.Time{}
		if at, err := os.Lstat(filepath.Join(s.dir, e.Name(), record)); err == nil {
			list[e.Name()] = at.ModTime()
		}
	}
	return list, nil
}

// there says whether a folder of that name is in the store, whatever is in it.
func (s *Store) there(digest string) bool {
	_, err := os.Lstat(filepath.Join(s.dir, digest))
	return err == nil && digestForm().MatchString(digest)
}

// Made is when each image was unpacked, by its digest, damaged or not.
func (s *Store) Made() (map[string]time.Time, error) {
	list, err := s.made("image.json")
	if err != nil {
		return nil, fmt.Errorf("list images: %w", err)
	}
	return list, nil
}

// Verify reads all of an image again, from the disk. Errors: ErrDamaged,
// ErrNotFound.
func (s *Store) Verify(ctx context.Context, digest string) error {
	if _, err := s.meta(digest); errors.Is(err, ErrNotFound) && s.there(digest) {
		return fmt.Errorf("image %s: %w: its record is gone", digest, ErrDamaged)
	} else if err != nil {
		return damage(err)
	}
	have, err := again(ctx, s.Path(digest), false)
	if err == nil && have != digest {
		err = fmt.Errorf("%w: it is %s now", ErrDamaged, have)
	}
	if err != nil {
		return fmt.Errorf("image %s: %w", digest, damage(err))
	}
	return nil
}

// Reject takes an image or layer out of the store and keeps all of it: what is
// mounted still needs it. Error: ErrNotFound.
func (s *Store) Reject(digest string) error {
	if !digestForm().MatchString(digest) {
		return fmt.Errorf("reject %q: %w", digest, ErrNotFound)
	}
	aside := fmt.Sprintf("%s%s-%d", damaged, strings.TrimPrefix(digest, "sha256-"), time.Now().UnixNano())
	err := os.Rename(filepath.Join(s.dir, digest), filepath.Join(s.dir, aside))
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("%s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("reject: %w", err)
	}
	return nil
}

// Rejected lists them: their digests by the names of their folders.
func (s *Store) Rejected() (map[string]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list what is damaged: %w", err)
	}
	list := map[string]string{}
	for _, e := range entries {
		if rest, ok := strings.CutPrefix(e.Name(), damaged); ok {
			digest, _, _ := strings.Cut(rest, "-")
			list[e.Name()] = "sha256-" + digest
		}
	}
	return list, nil
}

// RemoveRejected deletes one by the name of its folder.
func (s *Store) RemoveRejected(name string) error {
	if !strings.HasPrefix(name, damaged) || filepath.Base(name) != name {
		return fmt.Errorf("remove what is damaged, %q: %w", name, ErrNotFound)
	}
	return os.RemoveAll(filepath.Join(s.dir, name))
}
