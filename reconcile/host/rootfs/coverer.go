package rootfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// coverer works in a container's mount namespace, on a thread that is there.
type coverer struct {
	*inside
	table *os.File // mountinfo of the container
	weave func([]cover) ([]int, error)
}

// mounts are those that the container sees now.
func (c *coverer) mounts() ([]mountpoint, error) {
	if _, err := c.table.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(c.table)
	return parseMounts(text), err
}

// set makes the covers be exactly these.
func (c *coverer) set(want []cover) error {
	ours, err := c.ours()
	if err != nil {
		return err
	}
	var fresh []cover
	for _, w := range want {
		if _, right := c.lies(w, ours); !right {
			fresh = append(fresh, w)
		}
	}
	if err := c.lay(fresh, ours); err != nil {
		return err
	}
	if ours, err = c.ours(); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, w := range want {
		id, _ := c.lies(w, ours)
		wanted[ours[id]] = true
	}
	for _, at := range ours {
		if !wanted[at] {
			if err := c.uncover(at); err != nil {
				return err
			}
		}
	}
	return nil
}

// ours are the places of all covers, by mount id.
func (c *coverer) ours() (map[int]string, error) {
	list, err := c.mounts()
	return coverings(list), err
}

// lies says which of ours lies over the path, if any, and whether it is as
// wanted.
func (c *coverer) lies(w cover, ours map[int]string) (id int, right bool) {
	fd, err := resolve(c.fd, w.path, unix.O_PATH)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	id, mounted, err := mountID(fd, "")
	if _, our := ours[id]; err != nil || !mounted || !our {
		return 0, false
	}
	have, err := c.read(w.path)
	return id, err == nil && bytes.Equal(have.text, w.text) && have.mode == w.mode && have.owner == w.owner && have.group == w.group
}

// lay puts new covers in place.
func (c *coverer) lay(list []cover, ours map[int]string) error {
	if len(list) == 0 {
		return nil
	}
	fds, err := c.weave(list)
	if err != nil {
		return err
	}
	defer closeAll(fds)
	for i, w := range list {
		if err := c.place(fds[i], w.path, ours); err != nil {
			return fmt.Errorf("%s: %w", w.path, err)
		}
	}
	return nil
}

// place lays a mount over a path. One of ours that is there already goes from
// above it (Linux 6.5) or stays below it: at no moment is there neither.
func (c *coverer) place(mount int, name string, ours map[int]string) error {
	at, err := c.point(name)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	const paths = unix.MOVE_MOUNT_F_EMPTY_PATH | unix.MOVE_MOUNT_T_EMPTY_PATH
	if id, mounted, err := mountID(at, ""); err == nil && mounted && ours[id] != "" {
		if unix.MoveMount(mount, "", at, "", paths|moveBeneath) == nil {
			return c.unmount(ours[id])
		}
	}
	return os.NewSyscallError("move_mount", unix.MoveMount(mount, "", at, "", paths))
}

// moveBeneath is MOVE_MOUNT_BENEATH of linux/mount.h.
const moveBeneath = 0x200

// hollow is the mode of an empty file that is there only to be covered.
const hollow = 0

// point opens the path to mount on, and makes a file there if there is none.
func (c *coverer) point(name string) (int, error) {
	fd, err := resolve(c.fd, name, unix.O_PATH)
	if errors.Is(err, unix.ENOENT) {
		if err := c.makeHollow(name); err != nil {
			return -1, err
		}
		fd, err = resolve(c.fd, name, unix.O_PATH)
	}
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = unix.Close(fd)
		return -1, errors.Join(errors.New("something that is no plain file is there"), err)
	}
	return fd, nil
}

// makeHollow makes the file. A file system that the container mounted itself
// knows only the container's ids, and takes no file from the host's root.
func (c *coverer) makeHollow(name string) error {
	err := c.hollow(name)
	if !errors.Is(err, unix.EOVERFLOW) {
		return err
	}
	gid, err := unix.SetfsgidRetGid(c.owner)
	if err != nil {
		return err
	}
	defer unix.Setfsgid(gid)
	uid, err := unix.SetfsuidRetUid(c.owner)
	if err != nil {
		return err
	}
	defer unix.Setfsuid(uid)
	return c.hollow(name)
}

func (in *inside) hollow(name string) error {
	dir, err := in.folder(path.Dir(name))
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return os.NewSyscallError("mknod", unix.Mknodat(dir, path.Base(name), unix.S_IFREG|hollow, 0))
}

// uncover takes our mounts off a path, and the file below if that is there
// for no other reason.
func (c *coverer) uncover(name string) error {
	for {
		ours, err := c.ours()
		if err != nil {
			return err
		}
		fd, err := resolve(c.fd, name, unix.O_PATH)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return nil
		}
		if err != nil {
			return err
		}
		id, mounted, err := mountID(fd, "")
		var st unix.Stat_t
		err = errors.Join(err, unix.Fstat(fd, &st), unix.Close(fd))
		if err != nil {
			return err
		}
		if mounted && ours[id] != "" {
			if err := c.unmount(name); err != nil {
				return err
			}
			continue
		}
		if !mounted && isHollow(&st) {
			return c.remove(name)
		}
		return nil
	}
}

func isHollow(st *unix.Stat_t) bool {
	return st.Mode == unix.S_IFREG|hollow && st.Size == 0
}

// unmount takes the topmost mount off. The folder is named by descriptor: the
// container's /proc knows nothing of this thread's.
func (c *coverer) unmount(name string) error {
	dir, err := resolve(c.fd, path.Dir(name), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := unix.Fchdir(dir); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	err = unix.Unmount(path.Base(name), unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	return errors.Join(os.NewSyscallError("umount", err), unix.Chdir("/"))
}
