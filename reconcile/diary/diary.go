// Package diary is the file in which strake writes down what it does, an event
// on each line, whichever command or agent does it. It holds a bounded number
// of bytes: the newest ones. It can be read and followed by any process at any
// time, and needs none to run.
package diary

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"strake/reconcile/event"
)

// Most is the size of a file at which it is put aside. There are two, so the
// diary has at least Most and at most twice as much, once it has lasted long enough.
const Most = 4 << 20

const (
	nowFile    = "events.ndjson"
	beforeFile = "events.1.ndjson"
)

// Diary is one, in a folder of its own.
type Diary struct {
	folder string
	most   int64

	mu     sync.Mutex
	file   *os.File // nil: not opened yet
	failed bool     // the last entry could not be written
}

// Open takes the folder, absolute, which comes with the first entry.
func Open(folder string) *Diary { return &Diary{folder: folder, most: Most} }

func (d *Diary) now() string    { return filepath.Join(d.folder, nowFile) }
func (d *Diary) before() string { return filepath.Join(d.folder, beforeFile) }

// Append writes an event down. Several processes may do so at a time. Of many
// that can't be written one after the other, the first is an error.
func (d *Diary) Append(e event.Event) error {
	line, err := json.Marshal(e.Sealed(time.Now()))
	if err != nil {
		return fmt.Errorf("write event: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.write(append(line, '\n'))
	said := d.failed
	d.failed = err != nil
	if err != nil && !said {
		return fmt.Errorf("write event: %w", err)
	}
	return nil
}

func (d *Diary) write(line []byte) error {
	for {
		if err := d.open(); err != nil {
			return err
		}
		again, err := d.locked(line)
		if !again {
			return err
		}
		d.file.Close()
		d.file = nil
	}
}

// locked writes while no other process does. It says whether the file is not
// the one to write to: somebody has put it aside, or it is full.
func (d *Diary) locked(line []byte) (again bool, err error) {
	fd := int(d.file.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX); err != nil {
		return false, err
	}
	defer syscall.Flock(fd, syscall.LOCK_UN)
	info, err := d.file.Stat()
	if err != nil {
		return false, err
	}
	if there, err := os.Stat(d.now()); err != nil || !os.SameFile(info, there) {
		return true, nil
	}
	if info.Size()+int64(len(line)) > d.most && info.Size() > 0 {
		return true, os.Rename(d.now(), d.before())
	}
	if torn(d.file, info.Size()) {
		line = append([]byte{'\n'}, line...)
	}
	_, err = d.file.Write(line)
	return false, err
}

// torn says whether the last line has no end: a full disk or the host's end cut
// it short.
func torn(f *os.File, size int64) bool {
	var last [1]byte
	n, _ := f.ReadAt(last[:], size-1)
	return size > 0 && n == 1 && last[0] != '\n'
}

func (d *Diary) open() (err error) {
	if d.file != nil {
		return nil
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return err
	}
	d.file, err = os.OpenFile(d.now(), os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	return err
}

// Close ends writing; the next Append begins it anew.
func (d *Diary) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.file != nil {
		d.file.Close()
		d.file = nil
	}
}

// Read tells of all events since a moment, the oldest first.
func (d *Diary) Read(since time.Time, tell func(event.Event) error) error {
	f := &follower{d: d, since: since, tell: tell}
	defer f.close()
	return f.begin()
}
