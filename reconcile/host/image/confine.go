package image

import (
	"os"

	"golang.org/x/sys/unix"

	"strake/reconcile/thread"
)

// kept are the capabilities that making files of all owners takes. What is
// not among them: making devices, mounting, leaving a root folder again.
const kept = 1<<unix.CAP_CHOWN | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER | 1<<unix.CAP_FSETID | 1<<unix.CAP_SETFCAP

// confined calls do on a thread whose root is the open folder top and that can
// do nothing but make files there: a mistake in do does not reach the host.
// The thread ends with it.
func confined(top int, do func() error) error {
	done := make(chan error)
	go thread.Apart(func() {
		err := enter(top)
		if err == nil {
			err = do()
		}
		done <- err
	})
	return <-done
}

func enter(top int) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	unix.Umask(0o022) // of folders that an archive does not name
	if err := unix.Fchdir(top); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	if err := unix.Chroot("."); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	sets[0].Effective, sets[0].Permitted = kept, kept
	return os.NewSyscallError("capset", unix.Capset(&header, &sets[0]))
}
