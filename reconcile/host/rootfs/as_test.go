package rootfs

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// lockAs makes this goroutine's thread act as id. The thread ends with it.
func lockAs(id int) {
	runtime.LockOSThread()
	for _, call := range []struct {
		number uintptr
		args   [3]uintptr
	}{
		{unix.SYS_SETGROUPS, [3]uintptr{}},
		{unix.SYS_SETRESGID, [3]uintptr{uintptr(id), uintptr(id), uintptr(id)}},
		{unix.SYS_SETRESUID, [3]uintptr{uintptr(id), uintptr(id), uintptr(id)}},
	} {
		// The raw calls change one thread; the library's change all.
		if _, _, e := unix.RawSyscall(call.number, call.args[0], call.args[1], call.args[2]); e != 0 {
			panic(e)
		}
	}
}
