package diary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"strake/reconcile/event"
)

// Follow tells of all events since a moment and then of those to come, until
// ctx is done; that is no error. It waits for a diary that is not there yet.
func (d *Diary) Follow(ctx context.Context, since time.Time, tell func(event.Event) error) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("follow events: %w", err)
	}
	defer w.Close()
	if err := d.attend(ctx, w); err != nil || ctx.Err() != nil {
		return err
	}
	f := &follower{d: d, since: since, tell: tell}
	defer f.close()
	for err := f.begin(); ; err = f.more() {
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
		case <-w.Errors: // the queue ran over: something was written
		}
	}
}

// attend watches the folder. As long as there is none, it watches what it is
// to be in.
func (d *Diary) attend(ctx context.Context, w *fsnotify.Watcher) error {
	above := filepath.Dir(d.folder)
	for {
		err := w.Add(d.folder)
		if err == nil {
			_ = w.Remove(above)
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("follow events: %w", err)
		}
		if err := w.Add(above); err != nil {
			return fmt.Errorf("follow events: %w", err)
		}
		if _, err := os.Stat(d.folder); err == nil { // it came before the watch did
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
		case <-w.Errors:
		}
	}
}

// follower reads on where it was, also where the file is put aside meanwhile.
type follower struct {
	d     *Diary
	since time.Time
	tell  func(event.Event) error
	file  *os.File // nil: none yet
	lines *lines
}

func (f *follower) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
}

// begin reads the file that was put aside, and then the present one. That is
// opened first: were it put aside in between, it would be read twice or not at all.
func (f *follower) begin() error {
	if err := f.open(); err != nil {
		return err
	}
	before, err := os.Open(f.d.before())
	if err == nil {
		defer before.Close()
		if !f.reads(before) {
			err = newLines(before, f.since, f.tell).more()
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.more()
}

func (f *follower) open() error {
	file, err := os.Open(f.d.now())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("follow events: %w", err)
	}
	f.file, f.lines = file, newLines(file, f.since, f.tell)
	return nil
}

// more reads to the present end.
func (f *follower) more() error {
	for {
		if f.file == nil {
			if err := f.open(); err != nil || f.file == nil {
				return err
			}
		}
		aside := f.aside() // asked before the last look: what is aside grows no more
		if err := f.lines.more(); err != nil || !aside {
			return err
		}
		f.close()
	}
}

// reads says whether that is the file being read.
func (f *follower) reads(other *os.File) bool {
	if f.file == nil {
		return false
	}
	mine, err := f.file.Stat()
	there, err2 := other.Stat()
	return err == nil && err2 == nil && os.SameFile(mine, there)
}

// aside says whether another file has taken the place of the one being read.
func (f *follower) aside() bool {
	mine, err := f.file.Stat()
	if err != nil {
		return true
	}
	there, err := os.Stat(f.d.now())
	return err == nil && !os.SameFile(mine, there)
}
