package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"strake/reconcile/host/image/oci"
	"strake/reconcile/resource"
)

// layer is one of an image; what a file holds stands in Linkname.
func layer(t testing.TB, entries ...tar.Header) v1.Layer {
	t.Helper()
	text := archive(t, entries...)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
	must(t, err)
	return l
}

// container is an image of two layers that is for a platform and has no init.
func container(t testing.TB, arch, says string) v1.Image {
	t.Helper()
	file := func(name, content string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Linkname: content}
	}
	dir := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755} }
	img, err := mutate.AppendLayers(empty.Image,
		layer(t, dir("etc"), file("etc/passwd", "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n"), file("etc/old", "old"), file("says", "nothing"),
			dir("run"), dir("var"), tar.Header{Typeflag: tar.TypeSymlink, Name: "var/run", Linkname: "/run"},
			dir("cleared"), dir("cleared/sub"), file("cleared/sub/low", "low"), file("cleared/low", "low"),
			dir("becomes"), file("becomes/file", "x"), file("was", "file"),
			file("twin", "twin"), tar.Header{Typeflag: tar.TypeLink, Name: "twin2", Linkname: "twin"}),
		layer(t, file("etc/.wh.old", ""), file("says", says), file("var/run/mark", "marked"), file(".wh.twin", ""),
			file("cleared/sub/high", "high"), file("cleared/.wh..wh..opq", ""), file("cleared/high", "high"),
			file("becomes", "a file"), dir("was"), file("was/dir", "x"), file(".wh..wh.plnk", "aufs")))
	must(t, err)
	config, err := img.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	config.Config = v1.Config{Entrypoint: []string{"/says"}, Cmd: []string{"it"}, Env: []string{"A=b c"}, WorkingDir: "/srv/made", User: "web", StopSignal: "SIGQUIT"}
	img, err = mutate.ConfigFile(img, config)
	must(t, err)
	return img
}

// index has one for this machine and one for another.
func index(t testing.TB, says string) v1.ImageIndex {
	t.Helper()
	add := func(arch string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: container(t, arch, says+" "+arch), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}}
	}
	return mutate.AppendManifests(empty.Index, add("s390x"), add(runtime.GOARCH))
}

// serve is a registry of this machine, with its address.
func serve(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func push(t testing.TB, to string, idx v1.ImageIndex) {
	t.Helper()
	ref, err := name.ParseReference(to)
	must(t, err)
	must(t, remote.WriteIndex(ref, idx))
}

// TestOCI: one image from a registry, a layout, an archive of one, and an
// archive of docker's is one tree.
func TestOCI(t *testing.T) {
	s, dir := store(t), t.TempDir()
	at := serve(t) + "/some/image:1"
	idx := index(t, "hello")
	push(t, at, idx)
	sources := []string{"oci:" + at}

	folder, err := layout.Write(filepath.Join(dir, "layout"), empty.Index)
	must(t, err)
	must(t, folder.AppendIndex(idx, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "1"})))
	must(t, folder.AppendIndex(index(t, "other"), layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": "2"})))
	must(t, run("tar", "-C", string(folder), "-cf", filepath.Join(dir, "layout.tar"), "."))
	sources = append(sources, "oci:"+string(folder)+":1", "oci:"+filepath.Join(dir, "layout.tar")+":1")

	tag, err := name.NewTag("some/image:1")
	must(t, err)
	must(t, tarball.WriteToFile(filepath.Join(dir, "docker.tar"), tag, container(t, runtime.GOARCH, "hello "+runtime.GOARCH)))
	sources = append(sources, "oci:"+filepath.Join(dir, "docker.tar"))

	var first resource.Image
	for _, source := range sources {
		img := ensure(t, s, source)
		checkContainer(t, s.Path(img.Digest))
		if first.Digest == "" {
			first = img
		}
		if img.Digest != first.Digest || img.From["id"] != first.From["id"] || img.From["platform"] != "linux/"+runtime.GOARCH {
			t.Errorf("%s: %+v, and %+v from the registry", source, img, first)
		}
		if (img.From["manifest"] != first.From["manifest"]) != strings.HasSuffix(source, "docker.tar") {
			t.Errorf("%s: manifest %s", source, img.From["manifest"])
		}
	}
	if i := first.Init; i == nil || !slices.Equal(i.Command, []string{"/says", "it"}) || i.UID != 33 || i.GID != 34 || i.Dir != "/srv/made" || !slices.Contains(i.Env, "A=b c") || first.Halt != "SIGQUIT" {
		t.Errorf("it runs %+v, ended by %s", first.Init, first.Halt)
	}
	if again, ok, err := s.Resolve(t.Context(), resource.Image{Source: sources[0]}); err != nil || !ok || again.Init == nil || again.From["manifest"] != first.From["manifest"] {
		t.Errorf("resolved to %+v, %v, %v", again, ok, err)
	}
	if _, err := s.Ensure(t.Context(), resource.Image{Source: "oci:" + string(folder)}, nil); !errors.Is(err, oci.ErrReference) {
		t.Errorf("one of two that are in a layout: %v", err)
	}
	if left := names(t, s); !slices.Equal(left, []string{first.Digest}) {
		t.Errorf("in the store: %v", left)
	}

	// A tag moves on, and a pin does not: another store gets the same by it.
	push(t, at, index(t, "bye"))
	pinned := resource.Image{Source: sources[0], Digest: first.Digest, From: first.From}
	if _, err := store(t).Ensure(t.Context(), pinned, nil); err != nil {
		t.Errorf("what the pin says: %v", err)
	}
	if now, err := s.Refresh(t.Context(), pinned, nil); err != nil || now.Digest == first.Digest || now.From["manifest"] == first.From["manifest"] {
		t.Errorf("refreshed to %+v, %v", now, err)
	}
}

func run(args ...string) error { return exec.Command(args[0], args[1:]...).Run() }

// checkContainer looks for what the upper layer made of the lower one.
func checkContainer(t *testing.T, root string) {
	t.Helper()
	for file, want := range map[string]string{
		"says": "hello " + runtime.GOARCH, "run/mark": "marked", "cleared/high": "high", "cleared/sub/high": "high",
		"becomes": "a file", "was/dir": "x", "twin2": "twin",
	} {
		if text, err := os.ReadFile(filepath.Join(root, file)); err != nil || string(text) != want {
			t.Errorf("%s is %q, %v", file, text, err)
		}
	}
	for _, file := range []string{"etc/old", "etc/.wh.old", "cleared/low", "cleared/sub/low", "cleared/.wh..wh..opq", "twin", ".wh.twin", ".wh..wh.plnk"} {
		if _, err := os.Lstat(filepath.Join(root, file)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", file, err)
		}
	}
	if to, err := os.Readlink(filepath.Join(root, "var/run")); err != nil || to != "/run" {
		t.Errorf("var/run leads to %q, %v", to, err)
	}
	if st := stat(t, filepath.Join(root, "srv/made")); st.Mode&0o777 != 0o755 {
		t.Errorf("the folder that it begins in has mode %o", st.Mode)
	}
}

// TestForged: nothing that is not what its digest says becomes an image.
func TestForged(t *testing.T) {
	for what, forge := range map[string]func(v1.Image) string{
		"layer":         func(img v1.Image) string { return hexOf(t, layers(t, img)[1].Digest) },
		"configuration": func(img v1.Image) string { return hexOf(t, img.ConfigName) },
		"manifest":      func(img v1.Image) string { return hexOf(t, img.Digest) },
	} {
		dir := t.TempDir()
		img := container(t, runtime.GOARCH, "x")
		folder, err := layout.Write(dir, empty.Index)
		must(t, err)
		must(t, folder.AppendImage(img))
		blob := filepath.Join(dir, "blobs/sha256", forge(img))
		text, err := os.ReadFile(blob)
		must(t, err)
		text = append(text, ' ') // JSON as before
		if what == "layer" {
			r, err := layers(t, container(t, runtime.GOARCH, "y"))[1].Compressed()
			must(t, err)
			text, err = io.ReadAll(r)
			must(t, err)
		}
		must(t, os.WriteFile(blob, text, 0o644))
		s := store(t)
		_, err = s.Ensure(t.Context(), resource.Image{Source: "oci:" + dir}, nil)
		if !errors.Is(err, ErrSum) && !errors.Is(err, oci.ErrDigest) {
			t.Errorf("another %s: %v", what, err)
		}
		if left := names(t, s); len(left) != 0 {
			t.Errorf("another %s: left %v", what, left)
		}
	}
}

func layers(t testing.TB, img v1.Image) []v1.Layer {
	t.Helper()
	list, err := img.Layers()
	must(t, err)
	return list
}

func hexOf(t testing.TB, digest func() (v1.Hash, error)) string {
	t.Helper()
	d, err := digest()
	must(t, err)
	return d.Hex
}

// TestLayersStayInside: links of lower layers lead upper ones nowhere else.
func TestLayersStayInside(t *testing.T) {
	file := func(name string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Linkname: "evil"}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for name, layers := range map[string][][]tar.Header{
		"file through link":     {{link("d", "../..")}, {file("d/victim")}},
		"file by absolute link": {{link("d", "/..")}, {file("d/victim")}},
		"whiteout through link": {{link("d", "..")}, {file("d/.wh.victim")}},
		"whiteout that climbs":  {{file("x")}, {file(".wh...")}},
		"whiteout of the root":  {{file("x")}, {file(".wh..")}},
		"whiteout of nothing":   {{file("x")}, {file(".wh.")}},
		"opaque through link":   {{link("d", "..")}, {file("d/.wh..wh..opq")}},
		"hard link through it":  {{link("d", "..")}, {{Typeflag: tar.TypeLink, Name: "v", Linkname: "d/victim"}, file("v")}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "victim"), "untouched")
			root := filepath.Join(dir, "rootfs")
			must(t, os.Mkdir(root, 0o755))
			var list []v1.Layer
			for _, entries := range layers {
				list = append(list, layer(t, entries...))
			}
			_ = stack(t, root, list) // refused or bent: it stays inside
			checkOutside(t, dir)
		})
	}
}

// stack unpacks layers over one another.
func stack(t testing.TB, root string, list []v1.Layer) error {
	img, err := mutate.AppendLayers(empty.Image, list...)
	must(t, err)
	config, err := img.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Config.Cmd = "linux", runtime.GOARCH, []string{"/x"}
	img, err = mutate.ConfigFile(img, config)
	must(t, err)
	folder, err := layout.Write(t.TempDir(), empty.Index)
	must(t, err)
	must(t, folder.AppendImage(img))
	s := store(t)
	src, err := parseSource(resource.Image{Source: "oci:" + string(folder)})
	must(t, err)
	_, err = s.makeOCI(t.Context(), src, t.TempDir(), root, func(string) {})
	return err
}
