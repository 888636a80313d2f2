package rootfs

import (
	"fmt"
	"maps"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
	"strake/reconcile/thread"
)

// cover is a file in memory that lies over a path of a container.
type cover struct {
	path         string // absolute, inside
	text         []byte
	mode         uint32
	owner, group int // on the host
}

// Reveal gives the value of a digest.
type Reveal = func(digest string) ([]byte, error)

// SetSecrets brings the secrets of c to the container whose init is pid, as
// files in memory over their paths, and takes away what is none of them. What
// is right stays untouched; what is replaced is replaced in one step. The
// files that bring variables to logins and services hide the ones that
// SetEnvironment wrote, which stay as they are on the disk, without a secret.
func (r *Roots) SetSecrets(pid int, c resource.Container, reveal Reveal) error {
	return r.cover(pid, c, reveal, (*coverer).set)
}

// DeliverSecrets is SetSecrets for an init that has not run yet: that is how
// secrets are there before it. What lies below /run needs a /run in memory
// now: systemd mounts one over whatever is there, unless one is there already.
func (r *Roots) DeliverSecrets(pid int, c resource.Container, reveal Reveal) error {
	return r.cover(pid, c, reveal, func(v *coverer, want []cover) error {
		if err := v.volatile("/run", want); err != nil {
			return err
		}
		return v.set(want)
	})
}

// cover has a coverer put what c's secrets come to in place, in the mount
// namespace of pid.
func (r *Roots) cover(pid int, c resource.Container, reveal Reveal, put func(*coverer, []cover) error) error {
	want, err := r.covers(c, reveal)
	if err == nil {
		err = r.inNamespace(pid, int(c.IDMap.Base), func(v *coverer) error { return put(v, want) })
	}
	if err != nil {
		return fmt.Errorf("bring secrets to %s: %w", c.Name, err)
	}
	return nil
}

// inNamespace calls f on a thread that is in the mount namespace of pid.
func (r *Roots) inNamespace(pid, owner int, f func(*coverer) error) error {
	ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	if err != nil {
		return err
	}
	defer ns.Close()
	table, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", pid))
	if err != nil {
		return err
	}
	defer table.Close()
	done := make(chan error, 1)
	go thread.Apart(func() {
		in, err := enterNamespace(ns, owner)
		if err == nil {
			err = f(&coverer{in, table, r.weave})
		}
		if in != nil {
			in.close()
		}
		done <- err
	})
	return <-done
}

// enterNamespace takes the thread into a container's mounts. Its root is the
// container's then.
func enterNamespace(ns *os.File, owner int) (*inside, error) {
	fds, err := os.Open("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	in := &inside{fd: -1, owner: owner, fds: fds}
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // setns(2) wants that for a mount namespace
		return in, os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
		return in, os.NewSyscallError("setns", err)
	}
	in.fd, err = unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	return in, err
}

// covers are all files that c's secrets come to.
func (r *Roots) covers(c resource.Container, reveal Reveal) ([]cover, error) {
	base := int(c.IDMap.Base)
	var list []cover
	for _, f := range c.SecretFiles {
		text, err := reveal(f.Digest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Target, err)
		}
		list = append(list, cover{path.Clean(f.Target), text, f.Mode, base + int(f.Owner), base + int(f.Group)})
	}
	if len(c.Hidden) == 0 {
		return list, nil
	}
	env := maps.Clone(c.Environment)
	if env == nil {
		env = map[string]string{}
	}
	for name, s := range c.Hidden {
		value, err := reveal(s.Digest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if env[name] = string(value); checkVariable(name, env[name]) != nil {
			return nil, fmt.Errorf("%s: its value is not one line of text", name)
		}
	}
	below, err := r.enter(c.Name, base)
	if err != nil {
		return nil, err
	}
	defer below.close()
	more, err := below.covered(c.Environment, env)
	return append(list, more...), err
}

// covered are the files of variables that differ with and without secrets.
func (in *inside) covered(plain, whole map[string]string) ([]cover, error) {
	var list []cover
	for _, d := range in.deliveries() {
		have, err := in.read(d.path)
		if err != nil {
			return nil, err
		}
		without, _ := d.render(string(have.text), plain)
		with, keep := d.render(string(have.text), whole)
		if keep && with != without {
			list = append(list, cover{"/" + d.path, []byte(with), 0o644, in.owner, in.owner})
		}
	}
	return list, nil
}

// weave makes files in memory and returns a detached mount of each. All are
// read-only by their file system, which whoever is root in the container
// can't change; and no page of them is ever swapped out where the kernel
// knows how (6.4).
func (r *Roots) weave(list []cover) ([]int, error) {
	return r.bench.run(func() (fds []int, err error) {
		const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
		if err = unix.Mount(coverSource, "box", "tmpfs", flags, "mode=0700,noswap"); err == unix.EINVAL {
			err = unix.Mount(coverSource, "box", "tmpfs", flags, "mode=0700")
		}
		if err != nil {
			return nil, os.NewSyscallError("mount tmpfs", err)
		}
		defer func() {
			if e := unix.Unmount("box", unix.MNT_DETACH); e != nil && err == nil {
				err = os.NewSyscallError("umount", e)
			}
		}()
		for i, c := range list {
			if err := c.create(fmt.Sprintf("box/%d", i)); err != nil {
				return nil, err
			}
		}
		if err := unix.Mount("", "box", "", unix.MS_REMOUNT|unix.MS_RDONLY|flags, ""); err != nil {
			return nil, os.NewSyscallError("mount read-only", err)
		}
		for i := range list {
			fd, err := unix.OpenTree(unix.AT_FDCWD, fmt.Sprintf("box/%d", i), unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
			if err != nil {
				closeAll(fds)
				return nil, os.NewSyscallError("open_tree", err)
			}
			fds = append(fds, fd)
		}
		return fds, nil
	})
}

// coverSource is what mountinfo shows as the source: how ours are known.
const coverSource = "strake-secret"

func (c cover) create(name string) error {
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return os.NewSyscallError("open", err)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if _, err := f.Write(c.text); err != nil {
		return err
	}
	if err := f.Chown(c.owner, c.group); err != nil {
		return err
	}
	return f.Chmod(os.FileMode(c.mode))
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}

// coverings are the places of our mounts among those that a container sees, by
// mount id.
func coverings(list []mountpoint) map[int]string {
	ours := map[int]string{}
	for _, m := range list {
		if m.kind == "tmpfs" && m.source == coverSource {
			ours[m.id] = m.at
		}
	}
	return ours
}
