package image

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"strake/reconcile/resource"
)

// source is an image source taken apart: "tar:/srv/x.tar.xz" is tar, /srv/x.tar.xz.
type source struct {
	scheme, name string
	include      []string // sorted, each once
}

var (
	suiteForm   = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	packageForm = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`)
)

func parseSource(img resource.Image) (source, error) {
	scheme, name, ok := strings.Cut(img.Source, ":")
	src := source{scheme: scheme, name: name, include: slices.Compact(slices.Sorted(slices.Values(img.Include)))}
	if !ok {
		return src, fmt.Errorf("image source %q: %w: write builtin:busybox, debootstrap:SUITE, dir:/PATH or tar:/PATH", img.Source, ErrSource)
	}
	if scheme != "debootstrap" && len(src.include) > 0 {
		return src, fmt.Errorf("image source %q: %w: only debootstrap sources include packages", img.Source, ErrSource)
	}
	return src, src.check()
}

func (s source) check() error {
	switch s.scheme {
	case "builtin":
		if s.name != "busybox" {
			return fmt.Errorf("image source %q: %w: the only builtin one is builtin:busybox", s, ErrSource)
		}
	case "debootstrap":
		if len(s.name) > 64 || !suiteForm.MatchString(s.name) {
			return fmt.Errorf("image source %q: %w: %q is not the name of a suite, as bookworm or noble is", s, ErrSource, s.name)
		}
		for _, p := range s.include {
			if len(p) > 128 || !packageForm.MatchString(p) {
				return fmt.Errorf("image source %q: %w: %q is not the name of a package", s, ErrSource, p)
			}
		}
	case "dir", "tar":
		if !filepath.IsAbs(s.name) || strings.ContainsAny(s.name, "\x00\n") {
			return fmt.Errorf("image source %q: %w: write an absolute path", s, ErrSource)
		}
	default:
		return fmt.Errorf("image source %q: %w: write builtin:busybox, debootstrap:SUITE, dir:/PATH or tar:/PATH", s, ErrSource)
	}
	return nil
}

func (s source) String() string { return s.scheme + ":" + s.name }

// key tells sources apart in refs.json.
func (s source) key() string {
	return strings.Join(append([]string{s.String()}, s.include...), " ")
}

// slot is the key in a form that file names take.
func (s source) slot() string {
	sum := sha256.Sum256([]byte(s.key()))
	return hex.EncodeToString(sum[:8])
}

// check whether a fetch could begin at all.
func (s *Store) fetchable(src source) error {
	switch src.scheme {
	case "builtin":
		_, err := s.findBusybox()
		return err
	case "debootstrap":
		_, err := findTool()
		return err
	}
	at, err := os.Stat(src.name)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("image source %s: %w", src, os.ErrNotExist)
	}
	if err != nil {
		return fmt.Errorf("image source %s: %w", src, err)
	}
	if src.scheme == "dir" && !at.IsDir() {
		return fmt.Errorf("image source %s: not a folder", src)
	}
	if src.scheme == "tar" && !at.Mode().IsRegular() {
		return fmt.Errorf("image source %s: not a file", src)
	}
	return nil
}
