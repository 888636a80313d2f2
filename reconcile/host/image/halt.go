package image

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"strake/reconcile/scoped"

	"golang.org/x/sys/unix"
)

// haltSignal is how the init of a tree is asked to shut down: systemd(1) takes
// SIGRTMIN+3, busybox SIGUSR2, and sysvinit and most others SIGPWR, which is
// liblxc's default.
func haltSignal(root string) string {
	switch initOf(root) {
	case "systemd":
		return "SIGRTMIN+3"
	case "busybox":
		return "SIGUSR2"
	}
	return "SIGPWR"
}

// initOf says what /sbin/init is: the name of the file that its links lead to
// within the tree, "busybox" also where it has another name; "" when missing.
func initOf(root string) string {
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(dir)
	fd, err := scoped.Open(dir, "sbin/init", unix.O_RDONLY|unix.O_NONBLOCK, scoped.InRoot)
	if err != nil {
		return ""
	}
	f := os.NewFile(uintptr(fd), "init")
	defer f.Close()
	real, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return ""
	}
	if head, err := io.ReadAll(io.LimitReader(f, 4<<20)); err == nil && bytes.Contains(head, []byte("BusyBox v")) {
		return "busybox"
	}
	return path.Base(real)
}
