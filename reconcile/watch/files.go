package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// changes are what happens to the entries of a folder that may change what is
// read from it, and the end of the folder itself. Files that are only read, or
// still being written to, are none.
const changes = unix.IN_CLOSE_WRITE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF

// Files watches folders.
type Files struct {
	f    *os.File
	fd   int
	told func(folder, name string)

	mu      sync.Mutex
	watched map[string]int32 // descriptors of the kernel's, by folder
	folders map[int32]string
}

// NewFiles has told called with the folder and the name of what has changed in
// it; both are "" where the kernel has lost count. It watches nothing yet.
func NewFiles(told func(folder, name string)) (*Files, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch files: %w", err) // EMFILE: fs.inotify.max_user_instances
	}
	w := &Files{f: os.NewFile(uintptr(fd), "inotify"), fd: fd, told: told, watched: map[string]int32{}, folders: map[int32]string{}}
	go w.read()
	return w, nil
}

// Close ends it.
func (w *Files) Close() error { return w.f.Close() }

// Keep watches exactly these folders. Symbolic links are followed: one that
// leads elsewhere now is another folder. What is not there is passed over.
func (w *Files) Keep(folders []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted, used := map[string]bool{}, map[int32]bool{}
	var errs []error
	for _, folder := range folders {
		wd, err := unix.InotifyAddWatch(w.fd, folder, changes|unix.IN_ONLYDIR)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
				errs = append(errs, fmt.Errorf("watch %s: %w", folder, err))
			}
			continue
		}
		wanted[folder], used[int32(wd)] = true, true
		w.watched[folder], w.folders[int32(wd)] = int32(wd), folder
	}
	for folder := range w.watched {
		if !wanted[folder] {
			delete(w.watched, folder)
		}
	}
	for wd := range w.folders {
		if !used[wd] {
			_, _ = unix.InotifyRmWatch(w.fd, uint32(wd)) // the folder may be gone
			delete(w.folders, wd)
		}
	}
	return errors.Join(errs...)
}

func (w *Files) read() {
	buf := make([]byte, 16<<10)
	for {
		n, err := w.f.Read(buf)
		if err != nil {
			return // closed
		}
		w.parse(buf[:n])
	}
}

// parse takes inotify(7)'s records apart: descriptor, mask, cookie, length,
// and a name that is filled up with NULs.
func (w *Files) parse(text []byte) {
	for len(text) >= unix.SizeofInotifyEvent {
		wd, mask := int32(native.Uint32(text)), native.Uint32(text[4:])
		end := unix.SizeofInotifyEvent + int(native.Uint32(text[12:]))
		if end > len(text) {
			return
		}
		name, _, _ := bytes.Cut(text[unix.SizeofInotifyEvent:end], []byte{0})
		text = text[end:]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			w.told("", "")
			continue
		}
		w.mu.Lock()
		folder, known := w.folders[wd]
		if mask&unix.IN_IGNORED != 0 && known {
			delete(w.folders, wd)
			delete(w.watched, folder)
			known = false
		}
		w.mu.Unlock()
		if known {
			w.told(folder, string(name))
		}
	}
}
