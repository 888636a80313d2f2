package rootfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// Mounts says what the process, a container's init, really has at the targets
// of want, in their order: the wanted source where that very file or folder
// is there, else the one that is, as the host names it ("8:1:/dir" when the
// host has no name for it); and whether it is read-only. Targets that are not
// mounted on are left out.
func (r *Roots) Mounts(pid int, want []resource.Mount) ([]resource.Mount, error) {
	if len(want) == 0 {
		return nil, nil
	}
	have, err := r.lookInside(pid, want)
	if err != nil {
		return nil, fmt.Errorf("look at mounts of process %d: %w", pid, err)
	}
	return have, nil
}

func (r *Roots) lookInside(pid int, want []resource.Mount) ([]resource.Mount, error) {
	root, err := unix.Open(fmt.Sprintf("/proc/%d/root", pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	inside, err := mounts(pid)
	if err != nil {
		return nil, err
	}
	host, err := mounts(0)
	if err != nil {
		return nil, err
	}
	host = r.unstaged(host)
	var have []resource.Mount
	for _, w := range want {
		m, ok, err := mountedOn(root, w.Target, inside)
		if err != nil {
			return nil, err
		}
		if ok {
			have = append(have, resource.Mount{Target: w.Target, Source: realSource(m, w.Source, host), ReadOnly: m.readOnly()})
		}
	}
	return have, nil
}

// mountedOn resolves the target as the container does, links included, and
// finds the topmost mount on it.
func mountedOn(root int, target string, inside []mountpoint) (mountpoint, bool, error) {
	fd, err := resolve(root, target, unix.O_PATH)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return mountpoint{}, false, nil
	}
	if err != nil {
		return mountpoint{}, false, err
	}
	defer unix.Close(fd)
	id, mounted, err := mountID(fd, "")
	if err != nil || !mounted {
		return mountpoint{}, false, err
	}
	m, ok := byID(inside, id)
	return m, ok, nil
}

// realSource names what m shows: by the wanted path when that leads to it.
func realSource(m mountpoint, wanted string, host []mountpoint) string {
	if device, dir, ok := locate(wanted, host); ok && device == m.device && dir == m.dir {
		return wanted
	}
	best, name := -1, m.device+":"+m.dir
	for _, h := range host {
		if rest, ok := below(h.dir, m.dir); ok && h.device == m.device && len(h.dir) > best {
			best, name = len(h.dir), filepath.Join(h.at, rest)
		}
	}
	return name
}

// locate says on which device, and where on it, a path of the host is.
func locate(path string, host []mountpoint) (device, dir string, ok bool) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", "", false
	}
	id, _, err := mountID(unix.AT_FDCWD, real)
	if err != nil {
		return "", "", false
	}
	m, ok := byID(host, id)
	if !ok {
		return "", "", false
	}
	rest, ok := below(m.at, real)
	return m.device, filepath.Join(m.dir, rest), ok
}

// below cuts the folder off a path that is in it.
func below(folder, path string) (string, bool) {
	if folder == "/" || folder == path {
		return strings.TrimPrefix(path, folder), true
	}
	return strings.CutPrefix(path, folder+"/")
}
