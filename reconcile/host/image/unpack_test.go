package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"strake/reconcile/resource"
)

func TestTarOfEachKind(t *testing.T) {
	plain := archive(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "./", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeDir, Name: "./etc/", Mode: 0o755, PAXRecords: map[string]string{xattrRecord + "trusted.overlay.opaque": "y", xattrRecord + "user.overlay.opaque": "y"}},
		tar.Header{Typeflag: tar.TypeReg, Name: "./etc/name", Mode: 0o4751, Linkname: "sample"},
		tar.Header{Typeflag: tar.TypeLink, Name: "./etc/zwei", Linkname: "./etc/name"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./etc/link", Linkname: "../../../../etc/shadow"},
		tar.Header{Typeflag: tar.TypeReg, Name: "/home/file", Mode: 0o644, Uid: 1000, Gid: 1001, Linkname: "user's",
			PAXRecords: map[string]string{xattrRecord + "user.colour": "blue"}},
		tar.Header{Typeflag: tar.TypeFifo, Name: "pipe", Mode: 0o640},
		tar.Header{Typeflag: tar.TypeChar, Name: "null", Mode: 0o666, Devmajor: 1, Devminor: 3},
	)
	s := store(t)
	digests := map[string]bool{}
	for name, compress := range compressions(t) {
		file := filepath.Join(t.TempDir(), name)
		write(t, file, string(packed(t, compress, plain)))
		img := ensure(t, s, "tar:"+file)
		checkSample(t, s.Path(img.Digest))
		digests[img.Digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("one tree, %d digests", len(digests))
	}
	// And the same tree from a folder.
	dir := t.TempDir()
	must(t, store(t).copyDirInto(t, s.Path(slices.Collect(maps.Keys(digests))[0]), dir))
	if img := ensure(t, s, "dir:"+dir); !digests[img.Digest] {
		t.Errorf("as a folder it is %s, as an archive %v", img.Digest, digests)
	}
}

// compressions are the ways that archives are compressed, by the names of files.
func compressions(t testing.TB) map[string]func(io.Writer) io.WriteCloser {
	return map[string]func(io.Writer) io.WriteCloser{
		"x.tar":     func(w io.Writer) io.WriteCloser { return closer{w} },
		"x.tar.gz":  func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"x.tar.xz":  func(w io.Writer) io.WriteCloser { x, err := xz.NewWriter(w); must(t, err); return x },
		"x.tar.zst": func(w io.Writer) io.WriteCloser { z, err := zstd.NewWriter(w); must(t, err); return z },
	}
}

func packed(t testing.TB, compress func(io.Writer) io.WriteCloser, plain []byte) []byte {
	t.Helper()
	var text bytes.Buffer
	w := compress(&text)
	_, err := w.Write(plain)
	must(t, errors.Join(err, w.Close()))
	return text.Bytes()
}

type closer struct{ io.Writer }

func (closer) Close() error { return nil }

// archive writes entries; what a file holds stands in Linkname.
func archive(t testing.TB, entries ...tar.Header) []byte {
	t.Helper()
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	for _, h := range entries {
		content := ""
		if h.Typeflag == tar.TypeReg {
			content, h.Linkname = h.Linkname, ""
			h.Size = int64(len(content))
		}
		must(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, content)
		must(t, err)
	}
	must(t, w.Close())
	return text.Bytes()
}

// TestTarStaysInside: whatever an archive tries, the file beside its tree is
// what it was, and nothing else is there.
func TestTarStaysInside(t *testing.T) {
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Linkname: "evil"}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	hard := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
	}
	for name, c := range map[string]struct {
		entries []tar.Header
		refused bool
	}{
		"climbs":                      {[]tar.Header{file("../victim")}, true},
		"climbs in the middle":        {[]tar.Header{file("a/../../victim")}, true},
		"absolute is inside":          {[]tar.Header{file("/victim")}, false},
		"link to outside, then in it": {[]tar.Header{link("d", ".."), file("d/victim")}, true},
		"absolute link, then in it":   {[]tar.Header{link("d", "/"), file("d/victim")}, true},
		"link chain":                  {[]tar.Header{link("a", "b"), link("b", "../"), file("a/victim")}, true},
		"link, then file over it":     {[]tar.Header{link("v", "../victim"), file("v")}, false},
		"hard link to outside":        {[]tar.Header{hard("v", "../victim")}, true},
		"hard link through link":      {[]tar.Header{link("d", ".."), hard("v", "d/victim")}, true},
		"hard link to link":           {[]tar.Header{link("d", "../victim"), hard("v", "d"), file("v")}, false},
		"hard link to nothing":        {[]tar.Header{hard("v", "none")}, true},
		"hard link to folder":         {[]tar.Header{{Typeflag: tar.TypeDir, Name: "d", Mode: 0o755}, hard("v", "d")}, true},
		"folder through link":         {[]tar.Header{link("d", ".."), {Typeflag: tar.TypeDir, Name: "d", Mode: 0o777}}, false},
		"root is a link":              {[]tar.Header{link(".", "..")}, true},
		"root is a file":              {[]tar.Header{file("./.")}, true},
		"host's own id":               {[]tar.Header{{Typeflag: tar.TypeReg, Name: "x", Uid: 0xffffff00}}, true},
		"negative id":                 {[]tar.Header{{Typeflag: tar.TypeReg, Name: "x", Uid: -1}}, true},
		"strange type":                {[]tar.Header{{Typeflag: 'Z', Name: "x"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "victim"), "untouched")
			root := filepath.Join(dir, "rootfs")
			must(t, os.Mkdir(root, 0o755))
			_, err := unpack(root, bytes.NewReader(archive(t, c.entries...)), unpacker{ctx: t.Context(), most: usual})
			if (err != nil) != c.refused {
				t.Errorf("unpack: %v", err)
			}
			checkOutside(t, dir)
		})
	}
}

func checkOutside(t testing.TB, dir string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "victim"))
	if err != nil || string(text) != "untouched" {
		t.Errorf("the file outside holds %q, %v", text, err)
	}
	if st := stat(t, filepath.Join(dir, "victim")); st.Nlink != 1 {
		t.Errorf("the file outside has %d links", st.Nlink)
	}
	if st := stat(t, dir); st.Mode&0o022 != 0 {
		t.Errorf("the folder outside has mode %o", st.Mode)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("outside: %v, %v", entries, err)
	}
}

func TestNotAnArchive(t *testing.T) {
	s := store(t)
	for name, text := range map[string]string{
		"empty": "", "text": "this is not an archive, it is only text that goes on and on",
		"gzip of nothing": "\x1f\x8b\x08", "xz": "\xfd7zXZ\x00broken", "zstd": "\x28\xb5\x2f\xfdbroken",
	} {
		file := filepath.Join(t.TempDir(), "x.tar")
		write(t, file, text)
		if img, err := s.Ensure(t.Context(), resource.Image{Source: "tar:" + file}, nil); err == nil {
			t.Errorf("%s: became %s", name, img.Digest)
		}
		if left := names(t, s); len(left) != 0 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeReg, Name: "a", Linkname: "x"}))
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeSymlink, Name: "d", Linkname: ".."}, tar.Header{Typeflag: tar.TypeReg, Name: "d/victim", Linkname: "x"}))
	f.Add(archive(f, tar.Header{Typeflag: tar.TypeDir, Name: "d/", Mode: 0o1777}, tar.Header{Typeflag: tar.TypeFifo, Name: "d/p"}))
	for _, compress := range compressions(f) {
		f.Add(packed(f, compress, archive(f, tar.Header{Typeflag: tar.TypeReg, Name: "a/b", Linkname: "x"}, tar.Header{Typeflag: tar.TypeLink, Name: "c", Linkname: "a/b"})))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "victim"), "untouched")
		root := filepath.Join(dir, "rootfs")
		must(t, os.Mkdir(root, 0o755))
		if known, err := unpackStream(t.Context(), bytes.NewReader(text), root, ""); err == nil {
			quick, _, err := manifest(t.Context(), root, known)
			if err != nil {
				t.Errorf("unpacked, but %v", err)
			}
			if slow, _, err := manifest(t.Context(), root, nil); err != nil || slow != quick {
				t.Errorf("its digest is %s, and %s when all is read again, %v", quick, slow, err)
			}
		}
		checkOutside(t, dir)
	})
}
