package rootfs

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// builder is the id on disk that stands for the host's root while an overlay
// is at work: the kernel makes files in an overlay's work folder as the one
// who mounted it, and refuses (EOVERFLOW, read-only overlay) where that one
// has no id on the layer. It lies above every range and is not tied to the
// size of one, so a layer also fits a larger or smaller range. Images never
// hold it: package image refuses ids above 2^31.
const builder = 0xffffff00

// spaces hands out one user namespace for each id range: id-mapped mounts take
// their mapping from a descriptor of one.
type spaces struct {
	mu   sync.Mutex
	made map[resource.IDMap]*space
}

type space struct {
	once sync.Once
	file *os.File
	err  error
}

func (s *spaces) of(m resource.IDMap) (*os.File, error) {
	s.mu.Lock()
	one, ok := s.made[m]
	if !ok {
		one = &space{}
		s.made[m] = one
	}
	s.mu.Unlock()
	one.once.Do(func() { one.file, one.err = newSpace(m) })
	if one.err != nil {
		s.mu.Lock()
		if s.made[m] == one {
			delete(s.made, m) // the next one may have more luck
		}
		s.mu.Unlock()
		return nil, fmt.Errorf("make user namespace for %d+%d: %w", m.Base, m.Size, one.err)
	}
	return one.file, nil
}

// newSpace starts a child in a new user namespace that stops, traced, before
// its first instruction, takes the namespace's descriptor and ends the child.
// The thread is kept: the kernel ends the child (Pdeathsig) and lets it go
// (ptrace) together with the thread that started it.
func newSpace(m resource.IDMap) (*os.File, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ids := []syscall.SysProcIDMap{
		{ContainerID: 0, HostID: int(m.Base), Size: int(m.Size)},
		{ContainerID: builder, HostID: 0, Size: 1},
	}
	child, err := os.StartProcess("/proc/self/exe", []string{"strake-ids"}, &os.ProcAttr{
		Env: []string{"PATH="},
		Sys: &syscall.SysProcAttr{
			Cloneflags:                 unix.CLONE_NEWUSER,
			UidMappings:                ids,
			GidMappings:                ids,
			GidMappingsEnableSetgroups: true,
			Ptrace:                     true,
			Pdeathsig:                  syscall.SIGKILL,
		},
	})
	if err != nil {
		return nil, err
	}
	defer end(child)
	return os.Open(fmt.Sprintf("/proc/%d/ns/user", child.Pid))
}

// end kills and reaps. A traced child first reports its stop: only a report of
// its death is the end.
func end(child *os.Process) {
	_ = child.Kill()
	for {
		state, err := child.Wait()
		if err != nil || state.Exited() {
			return
		}
		if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signaled() {
			return
		}
	}
}
