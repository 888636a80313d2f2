package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/image/oci"
)

// What a layer takes away of those below it, as the OCI image specification
// has it: ".wh.NAME" takes NAME, and this all that they have in the folder.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// makeOCI unpacks the layers of an image one over the other.
func (s *Store) makeOCI(ctx context.Context, src source, tmp, root string, progress func(string)) (making, error) {
	progress("looking for " + src.name)
	img, err := findOCI(ctx, src, tmp)
	if err != nil {
		return making{}, err
	}
	t, err := openTree(root)
	if err != nil {
		return making{}, err
	}
	defer t.close()
	t.resolve = unix.RESOLVE_IN_ROOT // layers go through links of those below them: /var/run is /run
	u := unpacker{ctx: ctx, tree: t, most: usual, left: usual.bytes}
	for n, l := range img.Layers {
		what := fmt.Sprintf("layer %d of %d", n+1, len(img.Layers))
		progress("unpacking " + what)
		if err := s.unpackLayer(&u, l, what); err != nil {
			return making{}, fmt.Errorf("%s: %w", what, err)
		}
	}
	m := making{sums: t.sums, from: fromOCI(img)}
	if initOf(root) == "" {
		m.init, m.halt, err = t.entry(img.Config)
	}
	return m, err
}

func fromOCI(img oci.Image) map[string]string {
	from := map[string]string{"platform": img.Platform, "id": img.ID}
	if img.Manifest != "" {
		from["manifest"] = img.Manifest
	}
	return from
}

// findOCI looks in a registry, or in a folder or archive of this host.
func findOCI(ctx context.Context, src source, tmp string) (oci.Image, error) {
	w := oci.Wish{Platform: "linux/" + runtime.GOARCH, Manifest: src.from["manifest"]}
	if runtime.GOARCH == "arm" {
		w.Platform += "/v7"
	}
	if !filepath.IsAbs(src.name) {
		return oci.Remote(ctx, src.name, w, trusted)
	}
	file, tag := tagged(src.name)
	w.Tag = tag
	at, err := os.Stat(file)
	if err != nil {
		return oci.Image{}, err
	}
	if at.IsDir() {
		return oci.Layout(file, w)
	}
	inner := filepath.Join(tmp, scratch)
	if err := os.Mkdir(inner, 0o700); err != nil {
		return oci.Image{}, err
	}
	if _, err := unpackFile(ctx, file, inner, ""); err != nil {
		return oci.Image{}, err
	}
	if _, err := os.Lstat(filepath.Join(inner, "index.json")); err == nil {
		return oci.Layout(inner, w)
	}
	return oci.Archive(file, w)
}

// tagged takes "/folder:TAG" apart.
func tagged(name string) (file, tag string) {
	dir, base := path.Split(name)
	base, tag, _ = strings.Cut(base, ":")
	return dir + base, tag
}

// unpackLayer unpacks a layer, and refuses it when it was not what it is said
// to be: the tree has no name yet, and is thrown away then.
func (s *Store) unpackLayer(u *unpacker, l oci.Layer, what string) error {
	raw, err := l.Open()
	if err != nil {
		return err
	}
	defer raw.Close()
	metered, end := s.metered(what, l.Size, raw)
	defer end()
	packed, unpacked := sha256.New(), sha256.New()
	stored := io.TeeReader(metered, packed)
	plain, err := decompress(stored)
	if err != nil {
		return err
	}
	defer plain.Close()
	r, stop := ahead(io.TeeReader(plain, unpacked))
	u.layer = map[string]bool{}
	err = u.run(r)
	if err == nil { // an archive may end before its file does
		err = exhaust(r)
	}
	stop()
	if err == nil {
		err = exhaust(stored)
	}
	if err != nil {
		return err
	}
	return errors.Join(same(packed.Sum(nil), l.Digest), same(unpacked.Sum(nil), l.DiffID))
}

func exhaust(r io.Reader) error {
	_, err := io.Copy(io.Discard, &bounded{from: r, left: usual.bytes})
	return err
}

// same compares with "sha256:" and hexadecimal digits; nothing is said by "".
func same(sum []byte, want string) error {
	if have := "sha256:" + hex.EncodeToString(sum); want != "" && have != want {
		return fmt.Errorf("%w: it is %s, and should be %s", ErrSum, have, want)
	}
	return nil
}

// layered notes what the layer brings, and takes away what it says: of the
// layers below it only. done: the entry was no more than that.
func (u *unpacker) layered(name string) (done bool, err error) {
	dir, base := path.Split(name)
	switch {
	case base == opaque:
		return true, u.hide(path.Clean(dir))
	case strings.HasPrefix(base, whiteout+whiteout):
		return true, nil // of aufs, to itself
	case strings.HasPrefix(base, whiteout):
		gone := dir + strings.TrimPrefix(base, whiteout)
		if path.Base(gone) == ".." || path.Clean(gone) == path.Clean(dir) {
			return true, fmt.Errorf("whiteout of %q: %w", gone, ErrHostile)
		}
		if u.layer[gone] {
			return true, nil
		}
		return true, u.tree.remove(gone)
	}
	for ; name != "." && !u.layer[name]; name = path.Dir(name) {
		u.layer[name] = true
	}
	return false, nil
}

// hide takes away what lower layers have in a folder.
func (u *unpacker) hide(dir string) error {
	fd, err := u.tree.at(dir, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return unless(unix.ENOENT, err)
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return err
	}
	for _, name := range names {
		inner := path.Join(dir, name)
		switch {
		case !u.layer[inner]:
			err = removeAt(fd, name)
		case isFolder(fd, name):
			err = u.hide(inner)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
