package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Wish is which of several images is meant.
type Wish struct {
	Platform string // required: "linux/amd64", "linux/arm/v7"
	Tag      string // of a layout's or an archive's images; "": there is only one
	Manifest string // "sha256:...": just this one, whatever a tag names now
}

// Check says whether a reference has the form of one. Error: ErrReference.
func Check(reference string) error {
	_, err := name.ParseReference(reference)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReference, err)
	}
	return nil
}

// Remote asks a registry for "HOST/NAME:TAG", with the credentials that
// `docker login` and its like keep for it. Layers are fetched while ctx lasts.
func Remote(ctx context.Context, reference string, w Wish, by http.RoundTripper) (Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return Image{}, fmt.Errorf("%w: %w", ErrReference, err)
	}
	if w.Manifest != "" {
		ref = ref.Context().Digest(w.Manifest)
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithTransport(by), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("strake"))
	if err != nil {
		return Image{}, asked(err)
	}
	if found.MediaType.IsIndex() {
		idx, err := found.ImageIndex()
		if err != nil {
			return Image{}, err
		}
		return choose(idx, found.Digest, w)
	}
	img, err := found.Image()
	if err != nil {
		return Image{}, err
	}
	return fits(img, found.Digest, w)
}

// asked tells an image that a registry does not have from other trouble.
func asked(err error) error {
	var said *transport.Error
	if errors.As(err, &said) && said.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	return err
}

// Layout finds an image in a folder of the OCI image layout.
func Layout(folder string, w Wish) (Image, error) {
	idx, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w: %w", folder, ErrNone, err)
	}
	digest, err := idx.Digest()
	if err != nil {
		return Image{}, err
	}
	return choose(idx, digest, w)
}

// Archive finds an image in an archive as `docker save` makes it.
func Archive(path string, w Wish) (Image, error) {
	var tag *name.Tag
	if w.Tag != "" {
		t, err := name.NewTag(w.Tag)
		if err != nil {
			return Image{}, fmt.Errorf("%w: %w", ErrReference, err)
		}
		tag = &t
	}
	img, err := tarball.ImageFromPath(path, tag)
	if err != nil {
		return Image{}, fmt.Errorf("%s: %w: %w", path, ErrNone, err)
	}
	id, err := img.ConfigName()
	if err != nil {
		return Image{}, err
	}
	made, config, err := configured(img, id)
	if err != nil {
		return made, err
	}
	for _, diff := range config.RootFS.DiffIDs {
		made.Layers = append(made.Layers, Layer{DiffID: diff.String(), Open: func() (io.ReadCloser, error) {
			layer, err := img.LayerByDiffID(diff)
			if err != nil {
				return nil, err
			}
			return layer.Uncompressed()
		}})
	}
	return made, made.check(w)
}

// choose takes the one image of an index that fits the wish. In an index of
// a layout there may be indexes of several platforms.
func choose(idx v1.ImageIndex, digest v1.Hash, w Wish) (Image, error) {
	raw, err := idx.RawManifest()
	if err == nil {
		err = verify("index", raw, digest)
	}
	if err != nil {
		return Image{}, err
	}
	list, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return Image{}, fmt.Errorf("index %s: %w", digest, err)
	}
	found := slices.DeleteFunc(list.Manifests, func(d v1.Descriptor) bool { return !w.takes(d) })
	switch {
	case len(found) == 0:
		return Image{}, fmt.Errorf("index %s: %w: none for %s%s", digest, ErrNone, w.Platform, called(w.Tag))
	case len(found) > 1 && found[0].Platform == nil:
		return Image{}, fmt.Errorf("index %s: %w: it has %d, and none is named", digest, ErrReference, len(found))
	}
	if d := found[0]; d.MediaType.IsIndex() {
		below, err := idx.ImageIndex(d.Digest)
		if err != nil {
			return Image{}, err
		}
		return choose(below, d.Digest, Wish{Platform: w.Platform, Manifest: w.Manifest})
	}
	img, err := idx.Image(found[0].Digest)
	if err != nil {
		return Image{}, err
	}
	return fits(img, found[0].Digest, w)
}

func called(tag string) string {
	if tag == "" {
		return ""
	}
	return " called " + tag
}

// refName is where a layout says what an image is called.
const refName = "org.opencontainers.image.ref.name"

func (w Wish) takes(d v1.Descriptor) bool {
	switch {
	case d.MediaType.IsIndex():
		return w.Tag == "" || d.Annotations[refName] == w.Tag
	case !d.MediaType.IsImage(), w.Manifest != "" && d.Digest.String() != w.Manifest:
		return false
	case w.Tag != "" && d.Annotations[refName] != w.Tag:
		return false
	}
	return d.Platform == nil || w.platform(d.Platform.OS, d.Platform.Architecture, d.Platform.Variant)
}

func (w Wish) platform(os, arch, variant string) bool {
	mine, older, _ := strings.Cut(strings.TrimPrefix(w.Platform, os+"/"), "/")
	return strings.HasPrefix(w.Platform, os+"/") && mine == arch && (older == "" || variant == "" || variant <= older)
}

// fits describes an image and compares its own words with the wish.
func fits(img v1.Image, digest v1.Hash, w Wish) (Image, error) {
	made, err := describe(img, digest)
	if err != nil {
		return made, err
	}
	return made, made.check(w)
}

func (i Image) check(w Wish) error {
	os, arch, _ := strings.Cut(i.Platform, "/")
	if !w.platform(os, arch, "") {
		return fmt.Errorf("%w for %s: it is one for %s", ErrNone, w.Platform, i.Platform)
	}
	return nil
}
