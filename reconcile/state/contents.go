package state

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"strake/generations"
	"strake/reconcile/resource"
)

// contents are what files hold that is too long for a record: each once,
// however many generations have it, under its digest.
func (d *Dir) contents() string { return filepath.Join(d.path, "contents") }

var contentForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256-[0-9a-f]{64}$`) })

// KeepContent keeps it. One that is there already stays, unless it is damaged.
func (d *Dir) KeepContent(digest, content string) error {
	if resource.ContentDigest([]byte(content)) != digest {
		return fmt.Errorf("keep content %s: it is another one", digest)
	}
	if _, err := d.Content(digest); err == nil {
		return nil
	}
	for _, dir := range []string{d.path, d.contents()} {
		if err := d.make(dir); err != nil {
			return err
		}
	}
	if err := os.Chmod(d.contents(), 0o700); err != nil {
		return err
	}
	return generations.WriteFile(filepath.Join(d.contents(), digest), []byte(content), 0o600)
}

// Content is one that was kept. A damaged one is an error.
func (d *Dir) Content(digest string) ([]byte, error) {
	if !contentForm().MatchString(digest) {
		return nil, fmt.Errorf("content %q: not a digest", digest)
	}
	text, err := generations.ReadFile(filepath.Join(d.contents(), digest))
	if err == nil && resource.ContentDigest(text) != digest {
		err = errors.New("it was damaged; apply the configuration that has it")
	}
	if err != nil {
		return nil, fmt.Errorf("content %s: %w", digest, err)
	}
	return text, nil
}

// Contents lists what is kept.
func (d *Dir) Contents() ([]string, error) {
	entries, err := os.ReadDir(d.contents())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []string
	for _, e := range entries {
		if contentForm().MatchString(e.Name()) {
			list = append(list, e.Name())
		}
	}
	return list, nil
}

// DropContent deletes one that no generation has.
func (d *Dir) DropContent(digest string) error {
	if !contentForm().MatchString(digest) {
		return fmt.Errorf("drop content %q: %w", digest, fs.ErrInvalid)
	}
	return os.Remove(filepath.Join(d.contents(), digest))
}
