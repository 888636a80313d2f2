// Package disk keeps file systems of a bounded size in plain files: ext4,
// mounted by a loop device. It is how a bound on space holds on any file system
// below. It makes what is not there and lets it grow, also while it is mounted; it
// never makes one smaller, and never touches what it did not mount.
package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// ErrForeign: something else is mounted there.
var ErrForeign = errors.New("something else is mounted there")

// Disks are those of this host. mkfs.ext4 and resize2fs are of e2fsprogs,
// losetup and mount of util-linux.
type Disks struct{}

// Ensure has the file system mounted, with at least the size that is wanted.
// 0 is no wish: it is mounted where it is there, and not made.
func (Disks) Ensure(ctx context.Context, d resource.Disk) error {
	err := alone(d, func() error { return ensure(ctx, d) })
	if err != nil {
		return fmt.Errorf("disk %s: %w", d.File, err)
	}
	return nil
}

// Able says what keeps a disk that is not there yet from being made: ErrNoSize.
func (Disks) Able(d resource.Disk) error {
	if _, err := os.Stat(d.File); err == nil || d.Size == 0 {
		return nil
	}
	for _, name := range []string{"mkfs.ext4", "resize2fs"} {
		if _, err := find(name); err != nil {
			return fmt.Errorf("%w: %s is missing (apt-get install e2fsprogs)", resource.ErrNoSize, name)
		}
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		return fmt.Errorf("%w: it has no loop devices (modprobe loop)", resource.ErrNoSize)
	}
	return nil
}

// alone keeps other goroutines and processes, such as hooks, from the same
// disk: several containers may share it.
func alone(d resource.Disk, f func() error) error {
	dir, err := os.Open(filepath.Dir(d.File))
	if err != nil {
		return err
	}
	defer dir.Close()
	for err = unix.EINTR; err == unix.EINTR; {
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX)
	}
	if err != nil {
		return os.NewSyscallError("flock", err)
	}
	return f()
}

func ensure(ctx context.Context, d resource.Disk) error {
	info, err := os.Stat(d.File)
	switch {
	case errors.Is(err, os.ErrNotExist) && d.Size == 0:
		return nil
	case errors.Is(err, os.ErrNotExist):
		if err := create(ctx, d); err != nil {
			return err
		}
	case err != nil:
		return err
	case info.Size() < d.Size:
		if err := os.Truncate(d.File, d.Size); err != nil {
			return err
		}
	}
	device, err := mountedBy(d.At)
	if err != nil {
		return err
	}
	if device == "" {
		return mount(ctx, d)
	}
	err = grow(ctx, d, device)
	if errors.Is(err, errOnline) {
		return regrow(ctx, d, device)
	}
	return err
}

// errOnline: the kernel lets nobody without CAP_SYS_RESOURCE resize what is
// mounted, see ext4_resize_begin() of fs/ext4/resize.c.
var errOnline = errors.New("growing a mounted file system is not allowed here (CAP_SYS_RESOURCE); stop the container first")

// regrow does it unmounted, where nobody uses it. A container that is up has
// mounts of its own of the same file system, and the loop device stays with them.
func regrow(ctx context.Context, d resource.Disk, device string) error {
	if err := unix.Unmount(d.At, unix.UMOUNT_NOFOLLOW); err != nil {
		return errOnline
	}
	if _, err := os.Stat(filepath.Join("/sys/class/block", filepath.Base(device), "loop")); err == nil {
		return errors.Join(errOnline, run(ctx, "mount", "-t", "ext4", device, d.At))
	}
	var ended *exec.ExitError
	err := run(ctx, "e2fsck", "-f", "-p", d.File)
	if err != nil && !(errors.As(err, &ended) && ended.ExitCode() == 1) { // 1: what was wrong is mended
		return errors.Join(err, attach(ctx, d))
	}
	return errors.Join(run(ctx, "resize2fs", d.File, fmt.Sprintf("%dK", d.Size>>10)), attach(ctx, d))
}

// attach mounts it so that what is deleted inside leaves the file, too: a loop
// device makes a hole of what is discarded, where the file system below can.
func attach(ctx context.Context, d resource.Disk) error {
	return run(ctx, "mount", "-t", "ext4", "-o", "loop,discard", d.File, d.At)
}

// create makes the file system aside: one with its name is whole. Only what is
// written to it takes room, and the journal.
func create(ctx context.Context, d resource.Disk) error {
	fresh := d.File + ".new"
	if err := os.WriteFile(fresh, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(fresh, d.Size); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	if err := run(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "root_owner=0:0,nodiscard", fresh); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	return os.Rename(fresh, d.File)
}

func mount(ctx context.Context, d resource.Disk) error {
	if err := os.Mkdir(d.At, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := attach(ctx, d); err != nil {
		return err
	}
	return ensure(ctx, d) // larger, where that is wanted
}

// slack is what the kernel may leave at the end, where its own tables of one more block
// group would take most of it (ext4_resize_fs() of fs/ext4/resize.c).
const slack = 4 << 20

// grow has the file system be as large as is wanted; a file that is larger was made so
// for a growth that came to nothing.
func grow(ctx context.Context, d resource.Disk, device string) error {
	have, err := size(device)
	if err != nil || have+slack >= d.Size {
		return err
	}
	if err := run(ctx, "losetup", "-c", device); err != nil {
		return err
	}
	err = run(ctx, "resize2fs", device, fmt.Sprintf("%dK", d.Size>>10))
	if err != nil && strings.Contains(err.Error(), "Permission denied") {
		return errOnline
	}
	return err
}

// size is how large a file system is by its own word, its tables included. While it
// is mounted the device has that before the file does. Offsets are those of struct
// ext4_super_block, fs/ext4/ext4.h.
func size(device string) (int64, error) {
	f, err := os.Open(device)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var super [1024]byte
	if _, err := f.ReadAt(super[:], 1024); err != nil {
		return 0, err
	}
	word := binary.LittleEndian.Uint32
	if magic := binary.LittleEndian.Uint16(super[0x38:]); magic != unix.EXT4_SUPER_MAGIC || word(super[0x18:]) > 6 { // blocks of 64 KiB
		return 0, fmt.Errorf("%s: no ext4 file system", device)
	}
	blocks := int64(word(super[0x4:]))
	if word(super[0x60:])&0x80 != 0 { // INCOMPAT_64BIT
		blocks |= int64(word(super[0x150:])&0xffff) << 32
	}
	return blocks << (10 + word(super[0x18:])), nil
}

// Detach takes it away, also while something still looks into it. What is not
// mounted is as good.
func (Disks) Detach(at string) error {
	device, err := mountedBy(at)
	if err == nil && device != "" {
		err = unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) // the loop device goes with it
	}
	if err != nil {
		return fmt.Errorf("disk at %s: %w", at, err)
	}
	if err := os.Remove(at); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("disk at %s: %w", at, err)
	}
	return nil
}

// mountedBy is the loop device that is mounted at a path; "" for none.
func mountedBy(at string) (string, error) {
	real, err := filepath.EvalSymlinks(at)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	device := ""
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == escape(real) {
			if device = f[0]; !strings.HasPrefix(device, "/dev/loop") {
				return "", fmt.Errorf("%s at %s: %w", f[0], at, ErrForeign)
			}
		}
	}
	return device, nil
}

// Below lists what is mounted at a path and below it.
func (Disks) Below(path string) ([]string, error) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && (f[1] == escape(real) || strings.HasPrefix(f[1], escape(real)+"/")) {
			list = append(list, f[1])
		}
	}
	return list, nil
}

// escape writes a path as the kernel lists it, see getmntent(3).
func escape(path string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`).Replace(path)
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin") // a hook may have none
	if path, err := find(name); err == nil {
		cmd.Path, cmd.Err = path, nil
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

func find(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
			return filepath.Join(dir, name), nil
		}
	}
	return "", exec.ErrNotFound
}
