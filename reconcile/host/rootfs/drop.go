package rootfs

import (
	"context"
	"math"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// Drop is Unmount for a root that another one takes the place of: it does not wait
// for the disk. Whoever lets go of an overlay last has all of the file
// system below it written back (ovl_sync_fs), also what is others'; after a
// gigabyte was written that is most of a second, in which nothing runs. Here the
// last one is a process that stays behind for that.
func (r *Roots) Drop(ctx context.Context, container string) error {
	return r.take(ctx, container, func(path string) error {
		if !r.shares(container, path) {
			return detach(path)
		}
		mount, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		if err := detach(path); err != nil {
			_ = mount.Close()
			return err
		}
		go outlast(mount)
		return nil
	})
}

// shares says whether the root's writable layer is on the file system that strake's
// own files are on. One that is on a disk of its own has to be let go at once: the
// disk may be next.
func (r *Roots) shares(container, path string) bool {
	at, mounted, err := mountAt(path)
	if err != nil || !mounted {
		return false
	}
	_, pieces, _ := at.root()
	if len(pieces) == 0 {
		return false
	}
	var home, layer unix.Stat_t
	return unix.Stat(r.home(container), &home) == nil && unix.Stat(r.at(container, pieces[0]), &layer) == nil && home.Dev == layer.Dev
}

// lull is by when the kernel has written back everything by itself, in seconds
// (twice dirty_expire_centisecs). Before, whatever is recorded would wait behind
// the data in the file system's journal.
const lull = "60"

// outlast hands a mount to a process that ends after that. It gets nothing else of
// what this one was started with: flock(1) leaves its lock to all that come of it.
func outlast(mount *os.File) {
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
	cmd := exec.Command("sleep", lull)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = "/", []string{}, []*os.File{mount}
	err := cmd.Start()
	_ = mount.Close() // where there is no such process, this waits
	if err == nil {
		_ = cmd.Wait()
	}
}
