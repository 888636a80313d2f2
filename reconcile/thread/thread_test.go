package thread

import (
	"testing"

	"golang.org/x/sys/unix"
)

// priority is that of the calling thread: for processors, as the kernel has it, and for disks.
func priority(t *testing.T) [2]int {
	cpu, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		t.Error(err)
	}
	disk, _, no := unix.Syscall(unix.SYS_IOPRIO_GET, 1, 0, 0)
	if no != 0 {
		t.Error(no)
	}
	return [2]int{cpu, int(disk) >> 13}
}

// TestBehind: what runs behind others has the lowest class for disks, a low
// priority for processors, and keeps them for itself.
func TestBehind(t *testing.T) {
	before := priority(t)
	var during [2]int
	Behind(func() { during = priority(t) })
	if want := [2]int{20 - 10, 3}; during != want { // getpriority(2): the system call has 20 less the nice value
		t.Errorf("behind: %v, not %v", during, want)
	}
	for range 50 {
		if now := priority(t); now != before {
			t.Fatalf("afterwards: %v, not %v", now, before)
		}
	}
}
