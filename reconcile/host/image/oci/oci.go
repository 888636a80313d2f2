// Package oci finds the image of one platform in a registry, in a folder of
// the OCI image layout, or in an archive as `docker save` makes it, and
// verifies what describes it: manifests and configuration are what their
// digests say. It neither unpacks layers nor trusts them: whoever reads one
// compares it with the digests that are here.
package oci

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var (
	// ErrReference: not the name of an image.
	ErrReference = errors.New("not the name of an image")
	// ErrNone: there is no such image, or none for this platform.
	ErrNone = errors.New("no such image")
	// ErrDigest: something is not what its digest says.
	ErrDigest = errors.New("it is not what its digest says")
)

// Config is how an image wants to be run.
type Config struct {
	Command []string // entrypoint and arguments
	Env     []string // "NAME=value"
	Dir     string
	User    string // "name", "uid", "name:group", "uid:gid"
	Stop    string // signal that asks it to end, "SIGQUIT"; "": none was named
}

// Image is an image for one platform.
type Image struct {
	Manifest string // "sha256:..."; "" in an archive of docker's, which has none
	ID       string // digest of its configuration
	Platform string // "linux/amd64"
	Config   Config
	Layers   []Layer // the lowest first
}

// Layer is an archive of files.
type Layer struct {
	Digest string // "sha256:..." of what Open reads; "" where only DiffID is known
	DiffID string // the same of the archive uncompressed
	Size   int64  // of what Open reads; 0: unknown
	Open   func() (io.ReadCloser, error)
}

// describe verifies an image's manifest and configuration. digest is what the
// manifest has to be.
func describe(img v1.Image, digest v1.Hash) (Image, error) {
	raw, err := img.RawManifest()
	if err != nil {
		return Image{}, err
	}
	if err := verify("manifest", raw, digest); err != nil {
		return Image{}, err
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return Image{}, fmt.Errorf("manifest %s: %w", digest, err)
	}
	made, config, err := configured(img, m.Config.Digest)
	if err != nil {
		return made, err
	}
	made.Manifest = digest.String()
	if len(m.Layers) != len(config.RootFS.DiffIDs) {
		return made, fmt.Errorf("manifest %s has %d layers, its configuration %d: %w", digest, len(m.Layers), len(config.RootFS.DiffIDs), ErrDigest)
	}
	for n, l := range m.Layers {
		made.Layers = append(made.Layers, Layer{
			Digest: l.Digest.String(), DiffID: config.RootFS.DiffIDs[n].String(), Size: l.Size,
			Open: func() (io.ReadCloser, error) { return blob(img, l.Digest) },
		})
	}
	return made, nil
}

func blob(img v1.Image, digest v1.Hash) (io.ReadCloser, error) {
	layer, err := img.LayerByDigest(digest)
	if err != nil {
		return nil, err
	}
	return layer.Compressed()
}

// configured reads the configuration, which has to be what digest says.
func configured(img v1.Image, digest v1.Hash) (Image, *v1.ConfigFile, error) {
	raw, err := img.RawConfigFile()
	if err == nil {
		err = verify("configuration", raw, digest)
	}
	if err != nil {
		return Image{}, nil, err
	}
	file, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return Image{}, nil, fmt.Errorf("configuration %s: %w", digest, err)
	}
	c := file.Config
	return Image{
		ID: digest.String(), Platform: file.OS + "/" + file.Architecture,
		Config: Config{Command: append(append([]string{}, c.Entrypoint...), c.Cmd...), Env: c.Env, Dir: c.WorkingDir, User: c.User, Stop: c.StopSignal},
	}, file, nil
}

func verify(what string, raw []byte, digest v1.Hash) error {
	have, _, err := v1.SHA256(bytes.NewReader(raw))
	if err == nil && have != digest {
		err = fmt.Errorf("%s %s: %w: it is %s", what, digest, ErrDigest, have)
	}
	return err
}
