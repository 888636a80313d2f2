// Package thread lends a thread for what Linux keeps by thread and not by
// process: namespaces, root folder, capabilities, priorities. It knows no use of it.
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

// Behind runs f, and waits for it, on a thread that comes behind all others
// for the disks (ioprio_set(2)) and behind most for the processors. Not behind all:
// the runtime's collector waits for each thread, also for one that gets no
// time, and the whole process with it.
func Behind(f func()) {
	done := make(chan struct{})
	go Apart(func() {
		defer close(done)
		const (
			process = 1       // IOPRIO_WHO_PROCESS: of who is 0, the thread that asks
			idle    = 3 << 13 // IOPRIO_CLASS_IDLE
			late    = 10
		)
		// Without either it is only less polite.
		_, _, _ = unix.Syscall(unix.SYS_IOPRIO_SET, process, 0, idle)
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, late)
		f()
	})
	<-done
}
