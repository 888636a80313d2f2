// Package streams reads what an image server offers in the way that the LXC
// project's own does, simplestreams: an index, products in it, versions of
// each, files of each version. It fetches nothing itself and takes nothing
// for true but the server's word on digests: what comes has to have them.
package streams

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

var (
	// ErrNone: the server has no such image for this machine, or only in
	// forms that are not read here.
	ErrNone = errors.New("the server has no such image")
	// ErrFormat: what the server says makes no sense.
	ErrFormat = errors.New("not what an image server says")
)

// Wish is which image is meant.
type Wish struct {
	Alias   string // "debian/bookworm", or with a variant "debian/bookworm/cloud"
	Arch    string // required: "amd64", as Debian calls it
	Product string // with Version: just this one
	Version string // "20261125_05:24"; "": the newest
}

// Offer is one version of a product.
type Offer struct {
	Product string // "debian:bookworm:amd64:default"
	Version string
	Meta    File   // what is known of the image, where Root is an archive by itself
	Root    File   // archive with the tree
	Inside  string // folder of Root that the tree is in; "": it is all of it
	Both    string // SHA-256 of Meta and Root, one behind the other; "": not said
}

// File is one on the server.
type File struct {
	Path   string // below the server's address
	SHA256 string // hexadecimal
	Size   int64
}

const index = "streams/v1/index.json"

// Find looks an image up. read fetches a file by its path on the server.
func Find(read func(path string) ([]byte, error), w Wish) (Offer, error) {
	var top struct {
		Index map[string]struct {
			Path   string `json:"path"`
			Format string `json:"format"`
			Type   string `json:"datatype"`
		} `json:"index"`
	}
	if err := parse(read, index, &top); err != nil {
		return Offer{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(top.Index)) {
		if entry := top.Index[name]; entry.Type == "image-downloads" && entry.Format == "products:1.0" {
			found, err := w.in(read, entry.Path)
			if !errors.Is(err, ErrNone) {
				return found, err
			}
			if found.Product != "" {
				return Offer{}, err // it is there, in another form
			}
		}
	}
	return Offer{}, fmt.Errorf("%w: %s for %s", ErrNone, w.Alias, w.Arch)
}

func parse(read func(string) ([]byte, error), name string, into any) error {
	if !inside(name) {
		return fmt.Errorf("%w: path %q", ErrFormat, name)
	}
	text, err := read(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w: %w", name, ErrFormat, err)
	}
	return nil
}

// inside: it stays below the server's address.
func inside(name string) bool {
	return name != "" && !path.IsAbs(name) && path.Clean(name) == name && !strings.HasPrefix(name, "..") && !strings.ContainsAny(name, "?#%\\")
}

type product struct {
	Aliases  string `json:"aliases"`
	Arch     string `json:"arch"`
	Versions map[string]struct {
		Items map[string]item `json:"items"`
	} `json:"versions"`
}

type item struct {
	Kind   string `json:"ftype"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Both   string `json:"combined_rootxz_sha256"`
}

func (w Wish) in(read func(string) ([]byte, error), file string) (Offer, error) {
	var list struct {
		Products map[string]product `json:"products"`
	}
	if err := parse(read, file, &list); err != nil {
		return Offer{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(list.Products)) {
		if p := list.Products[name]; w.means(name, p) {
			return w.version(name, p)
		}
	}
	return Offer{}, ErrNone
}

func (w Wish) means(name string, p product) bool {
	if w.Product != "" {
		return name == w.Product
	}
	is := func(alias string) bool {
		alias = strings.TrimSpace(alias)
		return alias == w.Alias || alias == w.Alias+"/default"
	}
	return p.Arch == w.Arch && slices.ContainsFunc(strings.Split(p.Aliases, ","), is)
}

// version takes the one that is asked for, or the newest that has what is
// needed: a server may still be taking one in.
func (w Wish) version(name string, p product) (Offer, error) {
	if w.Version != "" {
		v, ok := p.Versions[w.Version]
		if !ok {
			return Offer{Product: name}, fmt.Errorf("%w: version %s of %s is not there any more", ErrNone, w.Version, name)
		}
		return offer(name, w.Version, v.Items)
	}
	err := fmt.Errorf("%w: %s has no version", ErrNone, name)
	for _, v := range slices.Backward(slices.Sorted(maps.Keys(p.Versions))) {
		var o Offer
		if o, err = offer(name, v, p.Versions[v].Items); !errors.Is(err, ErrNone) {
			return o, err
		}
	}
	return Offer{Product: name}, err
}

// offer takes the archives of a version: both in one, or the tree by itself.
// Of a tree that is there as tar.xz and as squashfs the former.
func offer(name, version string, items map[string]item) (Offer, error) {
	o := Offer{Product: name, Version: version}
	if strings.ContainsFunc(name+version, unicode.IsControl) {
		return Offer{}, fmt.Errorf("%w: a name with control characters", ErrFormat)
	}
	byKind := map[string]item{}
	for _, key := range slices.Sorted(maps.Keys(items)) {
		byKind[items[key].Kind] = items[key]
	}
	meta, described := first(byKind, "incus.tar.xz", "lxd.tar.xz", "lxc.tar.xz")
	root, split := first(byKind, "root.tar.xz", "root.tar.gz", "root.tar.zst")
	if described && split {
		o.Meta, o.Root, o.Both = meta.file(), root.file(), meta.Both
		return o, errors.Join(o.Meta.check(), o.Root.check())
	}
	if whole, ok := first(byKind, "incus_combined.tar.gz", "lxd_combined.tar.gz", "lxc_combined.tar.gz", "incus_combined.tar.xz", "lxd_combined.tar.xz", "lxc_combined.tar.xz"); ok {
		o.Root, o.Inside = whole.file(), "rootfs"
		return o, o.Root.check()
	}
	err := fmt.Errorf("%w as a tar archive: version %s of %s comes as %s", ErrNone, version, name, strings.Join(slices.Sorted(maps.Keys(byKind)), ", "))
	if _, ok := byKind["squashfs"]; ok {
		err = fmt.Errorf("%w: unsquashfs makes a folder of the squashfs, which dir: takes", err)
	}
	return o, err
}

func first(items map[string]item, kinds ...string) (item, bool) {
	for _, k := range kinds {
		if i, ok := items[k]; ok {
			return i, true
		}
	}
	return item{}, false
}

func (i item) file() File { return File{i.Path, i.SHA256, i.Size} }

var sum = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-f]{64}$`) })

func (f File) check() error {
	if !inside(f.Path) || !sum().MatchString(f.SHA256) {
		return fmt.Errorf("%w: file %q with sha256 %q", ErrFormat, f.Path, f.SHA256)
	}
	return nil
}
