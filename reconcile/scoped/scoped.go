// Package scoped opens paths that the kernel resolves within a folder, which
// may be anybody's: no link of it leads out. It knows no use of it.
package scoped

import "golang.org/x/sys/unix"

// Ways of resolving a path.
const (
	// InRoot takes the folder for the root: what would lead out stays in.
	InRoot = unix.RESOLVE_IN_ROOT
	// Beneath refuses what leads out: EXDEV.
	Beneath = unix.RESOLVE_BENEATH
)

// most is how often a path is tried: each time something else got in between.
const most = 1000

// Open opens a path within the folder dir, and follows no magic link of /proc.
// The kernel gives up with EAGAIN on a path with ".." in it, a link's included,
// when anything on the machine is renamed or mounted at the same moment
// (openat2(2)), so that is tried again. The errors are the kernel's.
func Open(dir int, path string, flags, way uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: way | unix.RESOLVE_NO_MAGICLINKS}
	for range most {
		fd, err := unix.Openat2(dir, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR {
			return fd, err
		}
	}
	return -1, unix.EAGAIN
}
