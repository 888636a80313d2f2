package rootfs

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"strake/reconcile/thread"
)

// bench is where overlays are put together: a thread in a mount namespace of
// its own that holds one empty tmpfs and nothing else. Until 6.13 the kernel
// takes overlay layers only from mounts that are attached in the caller's
// namespace; here they are attached unseen by the host, whatever its
// propagation, and a process that dies leaves none behind. The overlay keeps
// private clones of its layers, so they need not stay.
type bench struct {
	once sync.Once
	err  error
	jobs chan task
}

// task is work for the bench: it leaves descriptors of detached mounts.
type task struct {
	do   func() ([]int, error)
	done chan<- made
}

// job is one overlay. The layers are detached mounts; names are relative, so
// that the overlay's options tell what it is made of.
type job struct {
	source  string
	options string
	layers  []attached

	readOnly bool // without a writable layer
}

type attached struct {
	name string
	fd   int
}

type made struct {
	fds []int
	err error
}

// overlay mounts and returns a descriptor of the detached mount.
func (b *bench) overlay(j job) (int, error) {
	fds, err := b.run(func() ([]int, error) {
		fd, err := j.assemble()
		return []int{fd}, err
	})
	if err != nil {
		return -1, err
	}
	return fds[0], nil
}

// run does work on the bench.
func (b *bench) run(do func() ([]int, error)) ([]int, error) {
	b.once.Do(b.start)
	if b.err != nil {
		return nil, fmt.Errorf("make mount namespace: %w", b.err)
	}
	done := make(chan made, 1)
	b.jobs <- task{do, done}
	m := <-done
	return m.fds, m.err
}

func (b *bench) start() {
	b.jobs = make(chan task)
	ready := make(chan error)
	go thread.Apart(func() { b.work(ready) })
	b.err = <-ready
}

func (b *bench) work(ready chan<- error) {
	err := secede()
	ready <- err
	if err != nil {
		return
	}
	for t := range b.jobs {
		fds, err := t.do()
		t.done <- made{fds, err}
	}
}

// secede leaves the host's mounts: nothing of them may stay here, else a
// container's root would be kept in use after it was unmounted.
func secede() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return os.NewSyscallError("mount private", err)
	}
	if err := unix.Mount("strake", "/proc", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
		return os.NewSyscallError("mount tmpfs", err)
	}
	if err := unix.Chdir("/proc"); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return os.NewSyscallError("pivot_root", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return os.NewSyscallError("umount", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	return unix.Mkdir("box", 0o700)
}

// assemble runs on the bench. One tmpfs around everything makes one detach of
// the whole, and each detach waits for an RCU grace period.
func (j job) assemble() (fd int, err error) {
	if err := unix.Mount("strake", "box", "tmpfs", 0, "mode=0700"); err != nil {
		return -1, os.NewSyscallError("mount tmpfs", err)
	}
	defer func() {
		out := unix.Chdir("/")
		if e := unix.Unmount("box", unix.MNT_DETACH); out == nil {
			out = e
		}
		if out != nil && err == nil {
			_ = unix.Close(fd)
			fd, err = -1, fmt.Errorf("clear bench: %w", out)
		}
	}()
	if err := unix.Chdir("box"); err != nil {
		return -1, err
	}
	for _, l := range j.layers {
		if err := attach(l); err != nil {
			return -1, fmt.Errorf("attach %s: %w", l.name, err)
		}
	}
	if err := unix.Mkdir("m", 0o700); err != nil {
		return -1, err
	}
	if err := unix.Mount(j.source, "m", "overlay", 0, j.options); err != nil {
		return -1, overlayError(err)
	}
	if readOnly("m") && !j.readOnly {
		return -1, errors.New("mount overlay: the kernel can only mount it read-only (see its log)")
	}
	return unix.OpenTree(unix.AT_FDCWD, "m", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
}

func attach(l attached) error {
	if err := unix.Mkdir(l.name, 0o700); err != nil {
		return err
	}
	return os.NewSyscallError("move_mount", unix.MoveMount(l.fd, "", unix.AT_FDCWD, l.name, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

// readOnly: the kernel does not fail where it cannot write to the work folder.
func readOnly(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Flags&unix.ST_RDONLY != 0
}

func overlayError(err error) error {
	switch err {
	case unix.ENODEV:
		return fmt.Errorf("mount overlay: this kernel has no overlayfs: %w", err)
	case unix.EINVAL:
		return fmt.Errorf("mount overlay: %w (Linux 5.19 or later is needed; the kernel's log says more)", err)
	}
	return os.NewSyscallError("mount overlay", err)
}
