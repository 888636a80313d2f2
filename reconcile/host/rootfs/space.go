//go:build linux && cgo

package rootfs

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"strake/reconcile/resource"
)

// #include "space.h"
import "C"

// newSpace is the descriptor of a new user namespace. The process that holds it
// meanwhile ends with the thread that made it (PR_SET_PDEATHSIG).
func newSpace(m resource.IDMap) (*os.File, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var s C.struct_space
	if errno := C.space_begin(&s); errno != 0 {
		return nil, syscall.Errno(errno)
	}
	defer C.space_end(&s)
	ids := fmt.Appendf(nil, "0 %d %d\n%d 0 1\n", m.Base, m.Size, builder)
	for _, kind := range []string{"uid_map", "gid_map"} {
		if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", s.pid, kind), ids, 0); err != nil {
			return nil, err
		}
	}
	return os.Open(fmt.Sprintf("/proc/%d/ns/user", s.pid))
}
