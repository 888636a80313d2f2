package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/rogpeppe/go-internal/testscript"
)

// serveRegistry is the command "registry ADDRESS FOLDER NAME": a registry that
// has what the layout in a folder has, under a name. It makes the file "ready"
// there once it has.
func serveRegistry() int {
	if err := registryOf(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "registry:", err)
		return 1
	}
	return 0
}

func registryOf(address, folder, as string) error {
	idx, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(address + "/" + as)
	if err != nil {
		return err
	}
	port, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	ended := make(chan error)
	go func() {
		ended <- http.Serve(port, registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	}()
	if err := remote.WriteIndex(ref, idx); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "ready"), nil, 0o644); err != nil {
		return err
	}
	return <-ended
}

// layoutOf FOLDER CONFIG makes a layout of an image that is for this machine
// and for another: busybox, a file of accounts, and a configuration as JSON.
func layoutOf(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: layout FOLDER CONFIG")
	}
	var config v1.Config
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &config))
	var top v1.ImageIndex = empty.Index
	for _, arch := range []string{"s390x", runtime.GOARCH} {
		img, err := small(config, arch)
		ts.Check(err)
		top = mutate.AppendManifests(top, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	ts.Check(os.RemoveAll(ts.MkAbs(args[0])))
	_, err := layout.Write(ts.MkAbs(args[0]), top)
	ts.Check(err)
}

func small(config v1.Config, arch string) (v1.Image, error) {
	text, err := smallTree()
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(img, &v1.ConfigFile{OS: "linux", Architecture: arch, Config: config, RootFS: v1.RootFS{Type: "layers", DiffIDs: diffIDs(img)}})
}

func diffIDs(img v1.Image) []v1.Hash {
	config, err := img.ConfigFile()
	if err != nil {
		return nil
	}
	return config.RootFS.DiffIDs
}

// smallTree has no init.
func smallTree() ([]byte, error) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	put := func(h tar.Header, content []byte) error {
		h.Size = int64(len(content))
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"bin", "etc", "proc", "sys", "dev"} {
		if err := put(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}, nil); err != nil {
			return nil, err
		}
	}
	if err := put(tar.Header{Typeflag: tar.TypeDir, Name: "tmp", Mode: 0o1777}, nil); err != nil {
		return nil, err
	}
	if err := put(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, busybox); err != nil {
		return nil, err
	}
	for _, applet := range strings.Fields("sh cat echo id pwd sleep touch env hostname ip true test kill grep") {
		if err := put(tar.Header{Typeflag: tar.TypeSymlink, Name: filepath.Join("bin", applet), Linkname: "busybox"}, nil); err != nil {
			return nil, err
		}
	}
	if err := put(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n")); err != nil {
		return nil, err
	}
	return text.Bytes(), w.Close()
}
