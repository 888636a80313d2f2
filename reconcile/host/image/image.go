// Package image keeps root filesystems: each is made once from its source,
// named by a digest of all that is in it, and never changed after. It takes
// nothing from a source on trust: no path, link or device in an archive
// reaches outside the tree that is being made. It neither mounts images nor
// knows who uses them.
//
// On disk, below a folder that only root can enter (set-uid files in it are
// the host's own):
//
//	sha256-<64 hex>/rootfs      the tree, ids as the container sees them
//	sha256-<64 hex>/image.json  Meta
//	refs.json                   which digest a source turned out to be
//	.locks/, .tmp-*/            fetches under way
package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"strake/reconcile/resource"
)

var (
	// ErrSource: the source is not written in any way known here.
	ErrSource = errors.New("unknown image source")
	// ErrNoBusybox: the machine has no static busybox to make an image from.
	ErrNoBusybox = errors.New("no static busybox on this machine: install busybox-static")
	// ErrNoTool: neither mmdebstrap nor debootstrap is installed.
	ErrNoTool = errors.New("neither mmdebstrap nor debootstrap is installed: install mmdebstrap")
	// ErrNotFound: no image of that digest is in the store.
	ErrNotFound = resource.ErrNotFound
	// ErrDigest: the source is no longer what the digest says.
	ErrDigest = errors.New("the source is not what it was")
	// ErrSum: what came is not what it should be.
	ErrSum = errors.New("the digest is another")
	// ErrHostile: an archive tries what no archive of a tree needs.
	ErrHostile = errors.New("refused")
)

// Meta is what is known of an image.
type Meta struct {
	Digest  string    `json:"digest"`
	Source  string    `json:"source"`
	Include []string  `json:"include,omitempty"`
	Halt    string    `json:"halt"` // signal that asks its init to shut down
	Size    int64     `json:"size"` // bytes of its files
	Created time.Time `json:"created"`

	Init *resource.Init `json:"init,omitempty"` // what runs where it has no init
}

// Options say where images are kept and how they come.
type Options struct {
	Folder string // required: absolute path of the store
	Server string // of "images:NAME", an address; "": that of the LXC project
	Meter  Meter  // how much of a file has come; nil: nobody looks
	Step   func() // between the steps that change the store; tests die there
}

func (o Options) step() {
	if o.Step != nil {
		o.Step()
	}
}

// Meter shows that something of total bytes is on its way; total is 0 where
// that is not known.
type Meter func(what string, total int64) (add func(n int), end func())

// Store is a folder of images. Several processes may use it at once.
type Store struct {
	Options
	dir     string
	busybox []string // where the machine's static busybox may be
	apt     string   // folder of the machine's package sources
	tools   []string // that make Debian trees, the better one first
}

// Open names the folder; it touches nothing.
func Open(o Options) (*Store, error) {
	if !filepath.IsAbs(o.Folder) {
		return nil, fmt.Errorf("open image store %q: not an absolute path", o.Folder)
	}
	return &Store{
		Options: o,
		dir:     filepath.Clean(o.Folder),
		busybox: []string{"/bin/busybox", "/usr/bin/busybox", "/bin/busybox.static", "/sbin/busybox", "/usr/lib/busybox/busybox-static"},
		apt:     "/etc/apt",
		tools:   []string{"mmdebstrap", "debootstrap"},
	}, nil
}

// Watch has m look at what comes from now on.
func (s *Store) Watch(m Meter) { s.Meter = m }

var digestForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256-[0-9a-f]{64}$`) })

// Path is where the tree of an image is.
func (s *Store) Path(digest string) string {
	return filepath.Join(s.dir, digest, "rootfs")
}

// meta reads image.json. Error: ErrNotFound.
func (s *Store) meta(digest string) (Meta, error) {
	var m Meta
	if !digestForm().MatchString(digest) {
		return m, fmt.Errorf("image %q: %w", digest, ErrNotFound)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, digest, "image.json"))
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("image %s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("read image %s: %w (`strake verify` takes it out of the store): %w", digest, ErrDamaged, err)
	}
	m.Digest = digest
	return m, nil
}

// List lists the images by digest.
func (s *Store) List() ([]Meta, error) {
	made, err := s.Made()
	var list []Meta
	for _, digest := range slices.Sorted(maps.Keys(made)) {
		m, err := s.meta(digest)
		if errors.Is(err, ErrNotFound) {
			continue // being removed
		}
		if errors.Is(err, ErrDamaged) {
			m, err = Meta{Digest: digest, Source: "?"}, nil // Verify tells
		}
		if err != nil {
			return nil, fmt.Errorf("list images: %w", err)
		}
		list = append(list, m)
	}
	return list, err
}

// Remove deletes an image and forgets that any source is it. Whether anything
// uses it is the caller's to know. Error: ErrNotFound.
func (s *Store) Remove(digest string) error {
	if _, err := s.meta(digest); err != nil {
		return fmt.Errorf("remove: %w", err)
	}
	err := s.changeRefs(func(refs map[string]ref) {
		for key, r := range refs {
			if r.Digest == digest {
				delete(refs, key)
			}
		}
	})
	if err != nil {
		return fmt.Errorf("remove image %s: %w", digest, err)
	}
	s.step()
	// Out of sight in one step, and swept up by the next fetch if this one
	// is killed half way.
	gone := filepath.Join(s.dir, ".tmp-remove-"+strings.TrimPrefix(digest, "sha256-"))
	if err := os.Rename(filepath.Join(s.dir, digest), gone); err != nil {
		return fmt.Errorf("remove image: %w", err)
	}
	s.step()
	return os.RemoveAll(gone)
}
