package image

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"strake/reconcile/resource"
)

// files is a server of files, each by its name.
func files(t testing.TB, list map[string][]byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := list[r.URL.Path]
		switch {
		case r.URL.Path == "/slow":
			_, _ = w.Write([]byte("begin"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case path.Base(r.URL.Path) == "elsewhere":
			http.Redirect(w, r, "http://192.0.2.1/x", http.StatusFound)
		case !ok:
			http.NotFound(w, r)
		default:
			_, _ = w.Write(text)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func hexSum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// TestTarFromElsewhere: what comes is what its sum says, or nothing.
func TestTarFromElsewhere(t *testing.T) {
	text := packed(t, compressions(t)["x.tar.zst"], archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "etc/name", Mode: 0o644, Linkname: "sample"}))
	server := files(t, map[string][]byte{"/x.tar.zst": text})
	s := store(t)
	var seen int64
	s.Meter = func(_ string, total int64) (func(int), func()) {
		if total != int64(len(text)) {
			t.Errorf("the meter is told of %d bytes, of %d", total, len(text))
		}
		return func(n int) { seen += int64(n) }, func() {}
	}
	img := resource.Image{Source: "tar:" + server + "/x.tar.zst", SHA256: hexSum(text)}
	got, err := s.Ensure(t.Context(), img, nil)
	if err != nil || got.From["sha256"] != img.SHA256 || got.From["url"] != server+"/x.tar.zst" {
		t.Errorf("%+v, %v", got, err)
	}
	if seen != 2*int64(len(text)) {
		t.Errorf("the meter has seen %d bytes, of %d that came and were unpacked", seen, len(text))
	}
	for what, c := range map[string]struct {
		img  resource.Image
		want error
	}{
		"another sum":  {resource.Image{Source: img.Source, SHA256: hexSum(nil)}, ErrSum},
		"no sum":       {resource.Image{Source: img.Source}, ErrSource},
		"not there":    {resource.Image{Source: img.Source + "x", SHA256: img.SHA256}, nil},
		"a local file": {resource.Image{Source: "tar:" + localFile(t, text), SHA256: hexSum(nil)}, ErrSum},
	} {
		_, err := s.Ensure(t.Context(), c.img, nil)
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if left := names(t, s); len(left) != 1 {
		t.Errorf("in the store: %v", left)
	}
}

func localFile(t *testing.T, text []byte) string {
	file := path.Join(t.TempDir(), "x.tar")
	write(t, file, string(text))
	return file
}

// TestStalled: who waits for a server can be stopped.
func TestStalled(t *testing.T) {
	server := files(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	s := store(t)
	if _, err := s.Ensure(ctx, resource.Image{Source: "tar:" + server + "/slow", SHA256: hexSum(nil)}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if left := names(t, s); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	for _, url := range []string{server + "/elsewhere", "http://192.0.2.1/x"} {
		if _, _, err := get(t.Context(), trusted, url); !errors.Is(err, ErrPlain) {
			t.Errorf("%s leads to another host over plain HTTP: %v", url, err)
		}
	}
}

// TestCutShort: an archive that ends too soon is none.
func TestCutShort(t *testing.T) {
	text := packed(t, func(w io.Writer) io.WriteCloser { z, err := zstd.NewWriter(w); must(t, err); return z },
		archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "a", Linkname: string(make([]byte, 1<<20))}))
	s := store(t)
	for _, n := range []int{len(text) - 1, len(text) / 2} {
		if img, err := s.Ensure(t.Context(), resource.Image{Source: "tar:" + localFile(t, text[:n])}, nil); err == nil {
			t.Errorf("%d bytes of %d became %s", n, len(text), img.Digest)
		}
	}
}
