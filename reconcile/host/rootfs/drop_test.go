package rootfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// keepers are the processes that this one has left behind with a mount.
func keepers(t *testing.T) (pids []int) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, _ := os.ReadFile(name)
		var pid, parent int
		var called, state string
		if n, _ := fmt.Sscan(string(text), &pid, &called, &state, &parent); n == 4 && parent == os.Getpid() && called == "(sleep)" && state != "Z" {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestDropLeavesTheWritingToOthers(t *testing.T) {
	r, _ := ground(t)
	root := resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, IDMap: ids(1_000_000)}
	mount(t, r, root)
	write(t, filepath.Join(r.Path("c1"), "root/one"), "1")
	must(t, r.Drop(t.Context(), "c1"))
	if text := read(t, "/proc/self/mountinfo"); strings.Contains(text, r.Path("c1")) {
		t.Errorf("still mounted:\n%s", text)
	}
	var pids []int
	for end := time.Now().Add(10 * time.Second); len(pids) == 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		pids = keepers(t)
	}
	if len(pids) != 1 {
		t.Fatalf("%d processes were left behind", len(pids))
	}
	root.Writable = []int{2, 1}
	mount(t, r, root) // while the other one is still there
	if got := read(t, filepath.Join(r.Path("c1"), "root/one")); got != "1" {
		t.Errorf("the file is %q", got)
	}
	must(t, syscall.Kill(pids[0], syscall.SIGKILL))
	for end := time.Now().Add(10 * time.Second); len(keepers(t)) > 0 && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
	}
}

func TestDropOfWhatIsOnADiskOfItsOwn(t *testing.T) {
	r, state := ground(t)
	own := filepath.Join(state, "containers/c1/bounded")
	must(t, os.MkdirAll(own, 0o755))
	must(t, unix.Mount("own", own, "tmpfs", 0, "mode=755"))
	t.Cleanup(func() { _ = unix.Unmount(own, unix.MNT_DETACH) })
	mount(t, r, resource.Root{Container: "c1", Digest: digest, Writable: []int{1}, Bounded: true, IDMap: ids(1_000_000)})
	must(t, r.Drop(t.Context(), "c1"))
	time.Sleep(50 * time.Millisecond) // one would be there by now
	if err := unix.Unmount(own, 0); err != nil {
		t.Errorf("its disk is in use: %v", err)
	}
	if left := keepers(t); len(left) != 0 {
		t.Errorf("processes were left behind: %v", left)
	}
}
