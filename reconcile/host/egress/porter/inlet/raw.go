package inlet

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// connectRaw is connect(2) with an address that x/sys/unix has no type for.
func connectRaw(fd int, to *unix.RawSockaddr) error {
	_, _, no := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(to)), unsafe.Sizeof(*to))
	if no != 0 {
		return no
	}
	return nil
}
