package hugeheap

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unsafe"
)

// flags are those of the mapping that has an address (proc_pid_smaps(5)): hg is
// MADV_HUGEPAGE, nh is MADV_NOHUGEPAGE.
func flags(t *testing.T, at uintptr) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for line := range strings.Lines(string(text)) {
		var from, to uintptr
		if n, _ := fmt.Sscanf(line, "%x-%x ", &from, &to); n == 2 {
			found = from <= at && at < to
		}
		if list, ok := strings.CutPrefix(line, "VmFlags:"); ok && found {
			return list
		}
	}
	t.Fatalf("no mapping has %x", at)
	return ""
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

func TestHeap(t *testing.T) {
	early, large := make([]byte, 1<<10), make([]byte, 32<<20)
	for what, b := range map[string][]byte{"early": early, "large": large} {
		if f := flags(t, address(b)); !strings.Contains(f, " hg") {
			t.Errorf("%s: %s, no hg", what, f)
		}
	}
	Small()
	late := make([]byte, 64<<20)
	for what, b := range map[string][]byte{"early": early, "large": large, "late": late} {
		if f := flags(t, address(b)); strings.Contains(f, " hg") || !strings.Contains(f, " nh") {
			t.Errorf("small, %s: %s", what, f)
		}
	}
}
