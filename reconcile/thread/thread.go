// Package thread lends a thread for what Linux keeps by thread and not by
// process: namespaces, root folder, capabilities. It knows no use of it.
package thread

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// Apart runs f on a thread that ends with it: what f does to the thread's
// namespaces and root nobody else gets to see. It is never the first thread,
// whose /proc/PID shows for the whole process. Call it as a goroutine.
func Apart(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// While the first thread is held here, the next goroutine gets another.
		held := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(held)
			f()
		}()
		<-held
		runtime.UnlockOSThread()
		return
	}
	f() // never unlocked: the runtime ends the thread with the goroutine
}
