package image

import (
	"bytes"
	"context"
	"debug/elf"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

//go:embed busybox
var skeleton embed.FS

// recipe changes whenever something below changes what comes out.
const recipe = "1"

// findBusybox is the path of a statically linked busybox. Error: ErrNoBusybox.
func (s *Store) findBusybox() (string, error) {
	for _, name := range s.busybox {
		if static(name) {
			return name, nil
		}
	}
	return "", ErrNoBusybox
}

// static: no loader and no libraries. A static-pie has a dynamic section too.
func static(name string) bool {
	f, err := elf.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	libs, err := f.ImportedLibraries()
	return f.Type != elf.ET_REL && (err != nil || len(libs) == 0)
}

// busyboxStamp changes when the machine's busybox does, or the recipe.
func (s *Store) busyboxStamp() (string, error) {
	name, err := s.findBusybox()
	if err != nil {
		return "", err
	}
	var st syscall.Stat_t
	if err := syscall.Stat(name, &st); err != nil {
		return "", &os.PathError{Op: "stat", Path: name, Err: err}
	}
	text, err := json.Marshal([]any{recipe, name, st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()})
	return string(text), err
}

// makeBusybox makes a small system: busybox with its links and a few files.
func (s *Store) makeBusybox(ctx context.Context, root string) (stamp string, err error) {
	if stamp, err = s.busyboxStamp(); err != nil {
		return "", err
	}
	name, err := s.findBusybox()
	if err != nil {
		return "", err
	}
	t, err := openTree(root)
	if err != nil {
		return "", err
	}
	defer t.close()
	if err := t.folders(); err != nil {
		return "", err
	}
	if err := t.binary(name); err != nil {
		return "", err
	}
	applets, err := exec.CommandContext(ctx, name, "--list-full").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its applets: %w", name, err)
	}
	if err := t.applets(strings.Fields(string(applets))); err != nil {
		return "", err
	}
	return stamp, t.skeleton()
}

func (t *tree) folders() error {
	for _, d := range []struct {
		name string
		mode uint32
	}{
		{".", 0o755}, {"bin", 0o755}, {"sbin", 0o755}, {"usr", 0o755}, {"usr/bin", 0o755}, {"usr/sbin", 0o755},
		{"dev", 0o755}, {"etc", 0o755}, {"etc/init.d", 0o755}, {"etc/profile.d", 0o755}, {"home", 0o755},
		{"mnt", 0o755}, {"proc", 0o555}, {"root", 0o700}, {"run", 0o755}, {"srv", 0o755}, {"sys", 0o555},
		{"tmp", 0o1777}, {"var", 0o755}, {"var/lib", 0o755}, {"var/log", 0o755}, {"var/spool", 0o755}, {"var/tmp", 0o1777},
	} {
		if err := t.dir(d.name, node{mode: d.mode}); err != nil {
			return err
		}
	}
	return t.symlink("var/run", "../run", node{})
}

// binary is set-uid root for su, login and passwd: busybox itself drops the
// rights again for all other applets, where it was built to do so.
func (t *tree) binary(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	mode := uint32(0o755)
	if bytes.Contains(text, []byte("must be suid to work properly")) {
		mode = 0o4755
	}
	return t.file("bin/busybox", node{mode: mode}, bytes.NewReader(text))
}

// applets links "usr/bin/env" and all the others to bin/busybox.
func (t *tree) applets(names []string) error {
	for _, name := range names {
		dir := path.Dir(name)
		switch dir {
		case "bin", "sbin", "usr/bin", "usr/sbin":
		default:
			continue
		}
		target, err := filepath.Rel("/"+dir, "/bin/busybox")
		if err != nil {
			return err
		}
		if name == "bin/busybox" {
			continue
		}
		if err := t.symlink(name, target, node{}); err != nil {
			return err
		}
	}
	init, err := t.at("sbin/init", unix.O_PATH)
	if errors.Is(err, unix.ENOENT) {
		return errors.New("this machine's busybox has no init")
	}
	if err != nil {
		return err
	}
	return unix.Close(init)
}

// skeleton writes the embedded files. embed keeps no modes: scripts are what
// begins like one.
func (t *tree) skeleton() error {
	return fs.WalkDir(skeleton, "busybox", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := skeleton.ReadFile(name)
		if err != nil {
			return err
		}
		n := node{mode: 0o644}
		inside := strings.TrimPrefix(name, "busybox/")
		switch {
		case bytes.HasPrefix(text, []byte("#!")):
			n.mode = 0o755
		case inside == "etc/shadow":
			n.mode, n.gid = 0o640, 42
		}
		return t.file(inside, n, bytes.NewReader(text))
	})
}
