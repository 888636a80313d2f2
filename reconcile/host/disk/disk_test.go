package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// TestGrow: it is as large as was wanted, be the step ever so small, and no larger
// because its file is: that one was made so for a growth that came to nothing.
func TestGrow(t *testing.T) {
	d := disk(t)
	for _, size := range []int64{64 << 20, 72 << 20, 72 << 20, 64 << 20, 300 << 20, 0} {
		wanted(t, d, size)
		most := max(size, d.Size)
		if d.Size = most; room(t, d.At) > most || room(t, d.At) < most*3/4 {
			t.Errorf("wanted %d: it has %d", size, room(t, d.At))
		}
		if have, err := mountedSize(d.At); err != nil || have < most-slack || have > most {
			t.Errorf("wanted %d: its size is %d, %v", size, have, err)
		}
		write(t, filepath.Join(d.At, "file"), "kept")
	}
	must(t, Disks{}.Detach(d.At))
	must(t, os.Truncate(d.File, 400<<20))
	wanted(t, d, 300<<20)
	if have, err := mountedSize(d.At); err != nil || have > 300<<20 {
		t.Errorf("of a file of 400 MiB its size is %d, %v", have, err)
	}
	wanted(t, d, 400<<20)
	if have, err := mountedSize(d.At); err != nil || have < 400<<20-slack {
		t.Errorf("wanted 400 MiB: its size is %d, %v", have, err)
	}
	if text, err := os.ReadFile(filepath.Join(d.At, "file")); err != nil || string(text) != "kept" {
		t.Errorf("the file has %q, %v", text, err)
	}
}

// TestRoomIsGivenBack: what is deleted inside takes no room on the host any more.
func TestRoomIsGivenBack(t *testing.T) {
	d := disk(t)
	wanted(t, d, 32<<20)
	large := filepath.Join(d.At, "large")
	write(t, large, strings.Repeat("x", 8<<20))
	inside, err := os.Open(d.At)
	must(t, err)
	defer inside.Close()
	flush := func() int64 {
		must(t, unix.Syncfs(int(inside.Fd())))
		var st unix.Stat_t
		must(t, unix.Stat(d.File, &st))
		return st.Blocks << 9
	}
	full := flush()
	must(t, os.Remove(large))
	for deadline := time.Now().Add(20 * time.Second); flush() > full-6<<20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("its file took %d bytes, and takes %d", full, flush())
		}
	}
}

// TestGrowInUse: it grows under those who use it, where that is allowed, and is left
// as it is for them where not.
func TestGrowInUse(t *testing.T) {
	d := disk(t)
	wanted(t, d, 64<<20)
	user, err := os.Create(filepath.Join(d.At, "file"))
	must(t, err)
	d.Size = 200 << 20
	if err := (Disks{}).Ensure(t.Context(), d); !mayResize(t) {
		if !errors.Is(err, errOnline) {
			t.Errorf("grown in use, without being allowed to: %v", err)
		}
		wanted(t, d, 64<<20) // others go on
		must(t, user.Close())
		wanted(t, d, 200<<20)
	} else if err != nil {
		t.Error(err)
	}
	if have, err := mountedSize(d.At); err != nil || have < 200<<20-slack {
		t.Errorf("its size is %d, %v", have, err)
	}
	_ = user.Close()
}

func mayResize(t *testing.T) bool {
	t.Helper()
	head, data := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{}
	must(t, unix.Capget(&head, &data[0]))
	return data[0].Effective&(1<<unix.CAP_SYS_RESOURCE) != 0
}

// TestForeign: what something else is mounted on is left alone.
func TestForeign(t *testing.T) {
	d := disk(t)
	must(t, os.Mkdir(d.At, 0o700))
	must(t, unix.Mount("other", d.At, "tmpfs", 0, ""))
	d.Size = 16 << 20
	if err := (Disks{}).Ensure(t.Context(), d); !errors.Is(err, ErrForeign) {
		t.Errorf("made: %v", err)
	}
	if err := (Disks{}).Detach(d.At); !errors.Is(err, ErrForeign) {
		t.Errorf("detached: %v", err)
	}
	must(t, unix.Unmount(d.At, 0))
	for range 2 {
		must(t, Disks{}.Detach(d.At))
	}
}

func disk(t *testing.T) resource.Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("needs root")
	}
	dir := t.TempDir()
	d := resource.Disk{File: filepath.Join(dir, "x.ext4"), At: filepath.Join(dir, "at")}
	t.Cleanup(func() { must(t, Disks{}.Detach(d.At)) })
	return d
}

func wanted(t *testing.T, d resource.Disk, size int64) {
	t.Helper()
	d.Size = size
	must(t, Disks{}.Ensure(t.Context(), d))
}

func mountedSize(at string) (int64, error) {
	device, err := mountedBy(at)
	if err != nil {
		return 0, err
	}
	return size(device)
}

func room(t *testing.T, at string) int64 {
	t.Helper()
	var st unix.Statfs_t
	must(t, unix.Statfs(at, &st))
	return int64(st.Blocks) * st.Bsize
}

func write(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
