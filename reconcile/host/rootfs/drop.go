package rootfs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Drop is Unmount for a root that another one takes the place of: it does not wait
// for the disk. Whoever lets go of an overlay last has all of the file
// system below it written back (ovl_sync_fs), also what is others'; after a
// gigabyte was written that is most of a second, in which nothing runs. Here the
// last one is a process that stays behind for that.
func (r *Roots) Drop(ctx context.Context, container string) error {
	return r.take(ctx, container, func(path string, at mountpoint) error {
		if r.ownDisk(container, at) {
			return detach(path, at)
		}
		mount, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		if err := detach(path, at); err != nil {
			_ = mount.Close()
			return err
		}
		go outlast(mount)
		return nil
	})
}

// ownDisk says whether what is written to is on a disk of the container's own. That
// has to be let go at once: the disk may be next.
func (r *Roots) ownDisk(container string, at mountpoint) bool {
	_, pieces, _ := at.root()
	return len(pieces) > 0 && filepath.Dir(r.at(container, pieces[0])) == r.bounded(container)
}

// lull is by when the kernel has written back everything by itself, in seconds
// (twice dirty_expire_centisecs). Before, whatever is recorded would wait behind
// the data in the file system's journal.
const lull = "60"

// outlast hands a mount to a process that ends after that.
func outlast(mount *os.File) {
	cmd := exec.Command("sleep", lull)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = "/", []string{}, []*os.File{mount}
	err := cmd.Start()
	_ = mount.Close() // where there is no such process, this waits
	if err == nil {
		_ = cmd.Wait()
	}
}
