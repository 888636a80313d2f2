// Package footprint is what a process holds of the host's memory while it rests.
// It gives back what is had again without asking anybody: free memory of the
// runtime, and the program's own pages. It knows nothing of what the process does.
package footprint

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Later shrinks the process to enough when it has been left alone for so long; what
// it returns says that it is at work.
func Later(quiet time.Duration, enough int) (busy func()) {
	t := time.AfterFunc(quiet, func() { Shrink(enough) })
	return func() { t.Reset(quiet) }
}

// Shrink makes it hold no more than enough bytes, if it can. Of the program what is
// needed again costs a fault for each 64 kB, which the page cache answers: who does
// the same work each minute keeps what that needs.
func Shrink(enough int) {
	debug.FreeOSMemory()
	if held, err := resident(); err == nil && held <= enough {
		return
	}
	list, err := programs()
	if err != nil {
		return // it is only larger
	}
	for _, a := range list {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, a.from, a.to-a.from, unix.MADV_DONTNEED)
	}
}

// resident is what the process holds now (proc(5), statm).
func resident() (int, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, pages int
	_, err = fmt.Sscan(string(text), &size, &pages)
	return pages * os.Getpagesize(), err
}

// area is a part of the address space.
type area struct{ from, to uintptr }

// programs are the areas that show the program's file as it is. Where the loader or
// a debugger wrote into one, it holds what no file has (madvise(2) would drop that),
// so it is left alone.
func programs() ([]area, error) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []area
	var now *area
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0:
		case !strings.HasSuffix(words[0], ":"):
			now = fileArea(words, lines.Text(), self)
		case words[0] == "Anonymous:" && now != nil && words[1] == "0":
			list = append(list, *now)
		}
	}
	return list, lines.Err()
}

// fileArea reads the head of an area, "FROM-TO PERMISSIONS OFFSET DEVICE INODE PATH"
// (proc(5)); nil where it shows another file, or may be written to.
func fileArea(words []string, line, self string) *area {
	var a area
	if len(words) < 6 || words[1] != "r-xp" && words[1] != "r--p" || !strings.HasSuffix(line, " "+self) {
		return nil
	}
	if _, err := fmt.Sscanf(words[0], "%x-%x", &a.from, &a.to); err != nil {
		return nil
	}
	return &a
}
