package rootfs

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// volatile mounts a folder in memory at top where a cover is to lie below it,
// and nothing is mounted there. Its owner is the container's root.
func (c *coverer) volatile(top string, want []cover) error {
	var below []string
	for _, w := range want {
		if strings.HasPrefix(w.path, top+"/") {
			below = append(below, w.path)
		}
	}
	if len(below) == 0 {
		return nil
	}
	at, err := c.folder(top)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	if _, mounted, err := mountID(at, ""); err != nil || mounted {
		return err
	}
	return c.overmount(at, below)
}

// overmount mounts the folder. What is there only to be covered goes first:
// nobody would find it below.
func (c *coverer) overmount(at int, below []string) error {
	for _, name := range below {
		if err := c.uncover(name); err != nil {
			return err
		}
	}
	mount, err := memory(c.owner)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	const paths = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	return os.NewSyscallError("move_mount", unix.MoveMount(mount, "", at, "", paths))
}

// memory is a detached tmpfs as LXC would mount it.
func memory(owner int) (int, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(fs)
	id := strconv.Itoa(owner)
	for _, o := range [][2]string{{"source", "tmpfs"}, {"mode", "0755"}, {"uid", id}, {"gid", id}} {
		if err := unix.FsconfigSetString(fs, o[0], o[1]); err != nil {
			return -1, os.NewSyscallError("fsconfig "+o[0], err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, os.NewSyscallError("fsconfig", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	return fd, os.NewSyscallError("fsmount", err)
}
