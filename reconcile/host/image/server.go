package image

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"strake/reconcile/host/image/streams"
)

// lxcServer is where the LXC project keeps its images.
const lxcServer = "https://images.linuxcontainers.org"

// mostSaid bounds what a server may say of its images.
const mostSaid = 64 << 20

// architectures are Debian's names, which image servers use, where Go has
// others.
var architectures = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "mips64le": "mips64el"}

func architecture() string {
	if name, ok := architectures[runtime.GOARCH]; ok {
		return name
	}
	return runtime.GOARCH
}

// served is where an image is and what it is called there.
func (s *Store) served(src source) (server, alias string) {
	if src.scheme == "simplestreams" {
		server, alias, _ = strings.Cut(src.name, "#")
		return server, alias
	}
	if s.Server != "" {
		return s.Server, src.name
	}
	return lxcServer, src.name
}

// makeServed unpacks an image of an image server. Its templates are not used:
// strake writes the files that it keeps inside by itself.
func (s *Store) makeServed(ctx context.Context, src source, tmp, root string, progress func(string)) (making, error) {
	server, alias := s.served(src)
	progress("asking " + server + " for " + alias)
	offer, err := streams.Find(
		func(path string) ([]byte, error) { return said(ctx, server, path) },
		streams.Wish{Alias: alias, Arch: architecture(), Product: src.from["product"], Version: src.from["version"]})
	if err != nil {
		return making{}, err
	}
	file, err := s.take(ctx, server, offer, tmp, progress)
	if err != nil {
		return making{}, err
	}
	progress("unpacking " + offer.Product + ", version " + offer.Version)
	m := making{from: map[string]string{"server": server, "product": offer.Product, "version": offer.Version, "sha256": offer.Root.SHA256}}
	m.sums, err = unpackFile(ctx, file, root, offer.Inside)
	if err == nil && initOf(root) == "" {
		err = fmt.Errorf("%s, version %s, has no /sbin/init and could not start", offer.Product, offer.Version)
	}
	return m, err
}

// said fetches what the server says of its images.
func said(ctx context.Context, server, path string) ([]byte, error) {
	at, err := url.JoinPath(server, path)
	if err != nil {
		return nil, err
	}
	body, _, err := get(ctx, trusted, at)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(&bounded{from: body, left: mostSaid})
	return text, errors.Join(err, body.Close())
}

// take fetches the archives of an image, and says where the one with the tree
// is.
func (s *Store) take(ctx context.Context, server string, o streams.Offer, tmp string, progress func(string)) (string, error) {
	dir := filepath.Join(tmp, scratch)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	root, meta := filepath.Join(dir, "root"), filepath.Join(dir, "meta")
	progress("fetching " + o.Product + ", version " + o.Version)
	if err := s.takeFile(ctx, server, o.Root, root); err != nil || o.Meta == (streams.File{}) {
		return root, err
	}
	if err := s.takeFile(ctx, server, o.Meta, meta); err != nil {
		return "", err
	}
	if o.Both == "" {
		return root, nil
	}
	sum := sha256.New()
	if err := errors.Join(sumFile(sum, meta), sumFile(sum, root)); err != nil {
		return "", err
	}
	if err := same(sum.Sum(nil), "sha256:"+o.Both); err != nil {
		return "", fmt.Errorf("both files of %s together: %w", o.Product, err)
	}
	return root, nil
}

func (s *Store) takeFile(ctx context.Context, server string, f streams.File, to string) error {
	at, err := url.JoinPath(server, f.Path)
	if err != nil {
		return err
	}
	return s.download(ctx, trusted, at, f.SHA256, to)
}

func sumFile(into io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(into, f)
	return errors.Join(err, f.Close())
}
