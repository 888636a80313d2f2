package resource

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Recipe is what one system layer is made of: what is put on top of Parent,
// which is the digest of an image or the key of another layer.
type Recipe struct {
	Parent string `json:"parent"`
	System System `json:"system"`
}

// Key identifies the layer: same parent and same recipe, same layer.
func (r Recipe) Key() string {
	const version = "strake layer 1" // of how recipes are carried out
	return "sha256-" + Digest([]any{version, r})
}

// Recipes are those of the container's system layers, from the image up. What
// packages need comes first and by itself: the layer that takes longest to
// build is shared by all that have the same packages.
func (c Container) Recipes() []Recipe {
	if c.System == nil || c.Image.Digest == "" {
		return nil
	}
	packages, rest := System{Packages: c.System.Packages}, *c.System
	rest.Packages, rest.Files = nil, nil
	for _, f := range c.System.Files {
		if len(packages.Packages) > 0 && forPackages(f.Path) {
			packages.Files = append(packages.Files, f)
		} else {
			rest.Files = append(rest.Files, f)
		}
	}
	var list []Recipe
	parent := c.Image.Digest
	for _, s := range []System{packages, rest} {
		if !s.empty() {
			r := Recipe{parent, s}
			list, parent = append(list, r), r.Key()
		}
	}
	return list
}

// Layered is the container with the keys of its layers filled in, newest first.
func (c Container) Layered() Container {
	c.Layers = nil
	for _, r := range c.Recipes() {
		c.Layers = append(c.Layers, r.Key())
	}
	slices.Reverse(c.Layers)
	return c
}

func (y System) empty() bool {
	return len(y.Packages)+len(y.Run)+len(y.Files)+len(y.Services)+len(y.Users) == 0
}

// forPackages says whether a package manager reads the file: sources and keys
// have to be there before packages are.
func forPackages(path string) bool {
	return slices.ContainsFunc([]string{"/etc/apt/", "/etc/apk/", "/etc/dnf/", "/etc/yum.repos.d/", "/etc/pki/", "/usr/share/keyrings/"},
		func(folder string) bool { return strings.HasPrefix(path, folder) })
}

// Layer is a system layer in the store.
type Layer struct {
	Key     string `json:"key"`
	Recipe  Recipe `json:"recipe"`
	Content string `json:"content"` // digest of what is in it
	Size    int64  `json:"size"`    // bytes of its files
}

// Summary says in a few words what a recipe brings.
func (y System) Summary() string {
	var words []string
	for _, part := range []struct {
		n    int
		what string
	}{{len(y.Packages), "package"}, {len(y.Users), "user"}, {len(y.Files), "file"}, {len(y.Run), "command"}, {len(y.Services), "service"}} {
		switch part.n {
		case 0:
		case 1:
			words = append(words, "1 "+part.what)
		default:
			words = append(words, strconv.Itoa(part.n)+" "+part.what+"s")
		}
	}
	return strings.Join(words, ", ")
}

// LayerJob is one layer to be built, and what the build may use.
type LayerJob struct {
	Recipe   Recipe
	Image    Image
	Below    []string  // keys of the layers that it comes on, newest first
	Site     Container // ids, interfaces and networks that nobody else has
	Timeout  time.Duration
	Resolver string               // what /etc/resolv.conf is to say meanwhile
	Outlet   func(init int) error // opens the way out of the build's own container; nil: it has none
	Reveal   func(digest string) ([]byte, error)
	Progress func(string)
	Step     func() // between any two steps of the build: how tests die there
}
