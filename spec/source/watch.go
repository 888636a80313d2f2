package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long a folder has to be quiet before a change is told:
// editors write a file in several steps, which take them less. Of one that takes
// longer half a text is told, which is no text, and then the whole one.
const settleTime = 20 * time.Millisecond

// furtherTime is how long after a change it is read which folders belong to the text:
// whoever was told is reading it right now.
const furtherTime = 200 * time.Millisecond

// Watch tells when the text at path may have changed, until ctx is done; then
// the channel is closed. It watches the folder, because editors put a new
// file in the place of the old one, and the folders in it that below tells of
// (lang.Folders), which is asked anew after each change; nil: none.
func Watch(ctx context.Context, path string, below func() []string) (<-chan struct{}, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	dir, only := abs, ""
	if !info.IsDir() {
		dir, only = filepath.Dir(abs), abs
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	if err := w.Add(dir); err != nil {
		w.Close()
		return nil, fmt.Errorf("watch %s: %w", path, err)
	}
	if below == nil {
		below = func() []string { return nil }
	}
	t := &teller{w: w, dir: dir, only: only, below: below, changed: make(chan struct{}, 1)}
	t.widen()
	go t.tell(ctx)
	return t.changed, nil
}

// teller watches one text.
type teller struct {
	w         *fsnotify.Watcher
	dir, only string
	below     func() []string
	folders   []string // what that said last
	changed   chan struct{}
}

// widen watches the folders below, and says whether there is one that was not
// watched. One that is not there is not yet: when it comes, its parent says so.
func (t *teller) widen() (more bool) {
	t.folders = t.below()
	for _, name := range t.folders {
		path := filepath.Join(t.dir, name)
		if filepath.IsLocal(name) && !slices.Contains(t.w.WatchList(), path) && t.w.Add(path) == nil {
			more = true
		}
	}
	return more
}

func (t *teller) tell(ctx context.Context) {
	w, changed := t.w, t.changed
	defer close(changed)
	defer w.Close()
	quiet := time.NewTimer(settleTime)
	quiet.Stop()
	further := time.NewTimer(furtherTime)
	further.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if t.concerns(e.Name) {
				quiet.Reset(settleTime)
			}
		case _, ok := <-w.Errors: // the queue ran over: something changed
			if !ok {
				return
			}
			quiet.Reset(settleTime)
		case <-quiet.C:
			t.say()
			further.Reset(furtherTime)
		case <-further.C:
			if t.widen() {
				t.say() // what came into a folder before it was watched
			}
		}
	}
}

// say tells of a change; one that was not taken yet is the same.
func (t *teller) say() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// concerns says whether a file belongs to the text: any other file in a folder
// may be one that the text reads, but hidden ones are an editor's own. Beside a
// text that is one file, only what it includes does.
func (t *teller) concerns(name string) bool {
	base := filepath.Base(name)
	if strings.HasPrefix(base, ".") || strings.HasSuffix(base, "~") {
		return false
	}
	in, err := filepath.Rel(t.dir, name)
	return err != nil || t.only == "" || name == t.only || filepath.Dir(in) != "." || slices.ContainsFunc(t.folders, func(f string) bool {
		return f == "." || f == in || strings.HasPrefix(f, in+"/")
	})
}
