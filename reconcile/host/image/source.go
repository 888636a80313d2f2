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
	"sync"

	"strake/reconcile/host/image/oci"
	"strake/reconcile/resource"
)

// source is an image source taken apart: "tar:/srv/x.tar.xz" is tar, /srv/x.tar.xz.
type source struct {
	scheme, name string
	include      []string          // sorted, each once
	sha256       string            // of an archive, in hexadecimal; "": whatever it is
	mirror       string            // where packages come from; "": the machine's own sources
	server       string            // of images:
	from         map[string]string // what it is pinned to, in its own words
}

var (
	suiteForm   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z0-9.-]*$`) })
	packageForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*$`) })
)

// parse takes a source apart. Which server images: means is part of it.
func (s *Store) parse(img resource.Image) (source, error) {
	src, err := parseSource(img)
	if err == nil && src.scheme == "images" {
		src.server, _ = s.served(src)
	}
	return src, err
}

const known = "builtin:busybox, debootstrap:SUITE, dir:/PATH, tar:/PATH, tar:https://HOST/FILE, oci:NAME:TAG, oci:/PATH, images:NAME or simplestreams:https://HOST/#NAME"

func parseSource(img resource.Image) (source, error) {
	scheme, name, ok := strings.Cut(img.Source, ":")
	src := source{
		scheme: scheme, name: name, include: slices.Compact(slices.Sorted(slices.Values(img.Include))),
		sha256: img.SHA256, mirror: img.Mirror, from: img.From,
	}
	if !ok {
		return src, fmt.Errorf("image source %q: %w: write %s", img.Source, ErrSource, known)
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
		if len(s.name) > 64 || !suiteForm().MatchString(s.name) {
			return fmt.Errorf("image source %q: %w: %q is not the name of a suite, as bookworm or noble is", s, ErrSource, s.name)
		}
		for _, p := range s.include {
			if len(p) > 128 || !packageForm().MatchString(p) {
				return fmt.Errorf("image source %q: %w: %q is not the name of a package", s, ErrSource, p)
			}
		}
	case "dir":
		return s.path()
	case "tar":
		if isURL(s.name) && s.sha256 == "" {
			return fmt.Errorf("image source %q: %w: what comes from elsewhere needs its sha256", s, ErrSource)
		}
		if !isURL(s.name) {
			return s.path()
		}
	case "oci":
		if filepath.IsAbs(s.name) {
			return s.path()
		}
		if err := oci.Check(s.name); err != nil {
			return fmt.Errorf("image source %q: %w: %w", s, ErrSource, err)
		}
	case "images":
		return s.alias(s.name)
	case "simplestreams":
		server, alias, _ := strings.Cut(s.name, "#")
		if !isURL(server) {
			return fmt.Errorf("image source %q: %w: write the address of a server", s, ErrSource)
		}
		return s.alias(alias)
	default:
		return fmt.Errorf("image source %q: %w: write %s", s, ErrSource, known)
	}
	return nil
}

func (s source) alias(name string) error {
	if name == "" {
		return fmt.Errorf("image source %q: %w: it names no image, as debian/bookworm does", s, ErrSource)
	}
	return nil
}

func (s source) path() error {
	if !filepath.IsAbs(s.name) || strings.ContainsAny(s.name, "\x00\n") {
		return fmt.Errorf("image source %q: %w: write an absolute path", s, ErrSource)
	}
	return nil
}

func (s source) String() string { return s.scheme + ":" + s.name }

// key tells sources apart in refs.json.
func (s source) key() string {
	words := append([]string{s.String()}, s.include...)
	for name, value := range map[string]string{"sha256": s.sha256, "mirror": s.mirror, "server": s.server} {
		if value != "" {
			words = append(words, name+"="+value)
		}
	}
	slices.Sort(words[1:]) // no package's name has a "=" in it
	return strings.Join(words, " ")
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
		if _, err := s.findTool(); err != nil || !src.offline() {
			return err
		}
		if _, err := os.Stat(src.mirror); err != nil {
			return fmt.Errorf("image source %s: mirror: %w", src, err)
		}
		return nil
	}
	if !src.local() {
		return nil // who asks knows
	}
	name := src.name
	if src.scheme == "oci" {
		name, _ = tagged(name)
	}
	at, err := os.Stat(name)
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

// local: it is a file or folder of this host.
func (s source) local() bool { return filepath.IsAbs(s.name) }
