package streams

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

const products = `{"format": "products:1.0", "products": {
  "debian:bookworm:amd64:default": {"aliases": "debian/bookworm/default,debian/12/default", "arch": "amd64", "versions": {
    "20260101_05:24": {"items": {
      "incus.tar.xz": {"ftype": "incus.tar.xz", "path": "i/1/incus.tar.xz", "sha256": "SUM", "combined_rootxz_sha256": "SUM"},
      "root.tar.xz": {"ftype": "root.tar.xz", "path": "i/1/root.tar.xz", "sha256": "SUM", "size": 7},
      "root.squashfs": {"ftype": "squashfs", "path": "i/1/root.squashfs", "sha256": "SUM"}}},
    "20260102_05:24": {"items": {
      "c.tar.gz": {"ftype": "lxd_combined.tar.gz", "path": "i/2/c.tar.gz", "sha256": "SUM"}}},
    "20260103_05:24": {"items": {}}}},
  "debian:bookworm:arm64:default": {"aliases": "debian/bookworm/default", "arch": "arm64", "versions": {
    "1": {"items": {"root.squashfs": {"ftype": "squashfs", "path": "x", "sha256": "SUM"}}}}},
  "evil": {"aliases": "evil", "arch": "amd64", "versions": {
    "1": {"items": {"c": {"ftype": "lxd_combined.tar.gz", "path": "../../x", "sha256": "SUM"}}}}}
}}`

const top = `{"format": "index:1.0", "index": {"images": {"datatype": "image-downloads", "format": "products:1.0", "path": "streams/v1/images.json"}}}`

func reader(files map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, os.ErrNotExist)
		}
		return []byte(strings.ReplaceAll(text, "SUM", strings.Repeat("0", 64))), nil
	}
}

// TestFind: the newest version that can be read, or just the one that is asked for.
func TestFind(t *testing.T) {
	read := reader(map[string]string{index: top, "streams/v1/images.json": products})
	for _, c := range []struct {
		wish    Wish
		version string
		inside  string
		err     error
	}{
		{Wish{Alias: "debian/bookworm", Arch: "amd64"}, "20260102_05:24", "rootfs", nil},
		{Wish{Alias: "debian/12/default", Arch: "amd64"}, "20260102_05:24", "rootfs", nil},
		{Wish{Arch: "amd64", Product: "debian:bookworm:amd64:default", Version: "20260101_05:24"}, "20260101_05:24", "", nil},
		{Wish{Arch: "amd64", Product: "debian:bookworm:amd64:default", Version: "gone"}, "", "", ErrNone},
		{Wish{Alias: "debian/bookworm", Arch: "arm64"}, "", "", ErrNone}, // squashfs alone
		{Wish{Alias: "debian/bookworm", Arch: "s390x"}, "", "", ErrNone},
		{Wish{Alias: "debian", Arch: "amd64"}, "", "", ErrNone},
		{Wish{Alias: "evil", Arch: "amd64"}, "", "", ErrFormat},
	} {
		o, err := Find(read, c.wish)
		if !errors.Is(err, c.err) || c.err == nil && (o.Version != c.version || o.Inside != c.inside) {
			t.Errorf("%+v: %+v, %v", c.wish, o, err)
		}
		if c.wish.Arch == "arm64" && !strings.Contains(err.Error(), "comes as squashfs: unsquashfs makes a folder") {
			t.Errorf("%+v: %v", c.wish, err)
		}
	}
	for what, files := range map[string]map[string]string{
		"no index":             {},
		"no products":          {index: top},
		"no JSON":              {index: "<html>"},
		"an index that is out": {index: strings.Replace(top, "streams/v1/images", "../../etc/x", 1)},
	} {
		if _, err := Find(reader(files), Wish{Alias: "x", Arch: "amd64"}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// FuzzFind: whatever a server says is an offer that can be fetched, or refused.
func FuzzFind(f *testing.F) {
	f.Add(top, products)
	f.Add(`{"index": {"a": null}}`, `{"products": {"x": {"versions": {"1": {"items": null}}}}}`)
	f.Fuzz(func(t *testing.T, top, products string) {
		read := func(name string) ([]byte, error) {
			if name == index {
				return []byte(top), nil
			}
			return []byte(products), nil
		}
		o, err := Find(read, Wish{Alias: "debian/bookworm", Arch: "amd64"})
		if err == nil && (!inside(o.Root.Path) || !sum().MatchString(o.Root.SHA256) || o.Version == "" && o.Product == "") {
			t.Errorf("offered %+v", o)
		}
	})
}
