package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/reconcile/host/image"
	"strake/reconcile/resource"
)

// debian is a system of about 250 MB, as people run them.
func debian() resource.Image {
	return resource.Image{
		Source:  "debootstrap:bookworm",
		Include: []string{"systemd-sysv", "dbus", "udev", "iproute2", "iputils-ping", "curl", "openssh-server", "python3", "less"},
	}
}

func (o options) store() (*image.Store, error) {
	return image.Open(image.Options{Folder: filepath.Join(o.Cache, "images")})
}

// fetch has both images in strake's own store before anything is measured.
func fetch(o options, dir string) (task, error) {
	t := task{Options: o, Dir: dir}
	if err := os.MkdirAll(filepath.Join(o.Cache, "images"), 0o700); err != nil {
		return t, err
	}
	store, err := o.store()
	if err != nil {
		return t, err
	}
	say := func(line string) { fmt.Fprintln(os.Stderr, "image:", line) }
	if t.Debian, err = store.Ensure(context.Background(), debian(), say); err != nil {
		return t, err
	}
	t.Busybox, err = store.Ensure(context.Background(), resource.Image{Source: "builtin:busybox"}, say)
	return t, err
}

// tree is where the root filesystem of an image is.
func (t task) tree(img resource.Image) (string, error) {
	store, err := t.Options.store()
	if err != nil {
		return "", err
	}
	return store.Path(img.Digest), nil
}

// copyTree copies a root filesystem for a container with these ids. chown(2)
// takes set-id bits away, so they are given again.
func copyTree(from, to string, base int) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", from, err, out)
	}
	return filepath.WalkDir(to, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		if err := os.Lchown(path, base+int(st.Uid), base+int(st.Gid)); err != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK {
			return err
		}
		return syscall.Chmod(path, st.Mode&0o7777)
	})
}
