package agent

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"strake/spec/lang"
	"strake/spec/source"
)

// stare is how often the agent sees whether a folder is still the one that it watches.
const stare = 2 * time.Second

// watch tells of changes of a folder's text from the moment in which it returns;
// of a repository never. A folder that is put in the place of another, and one
// that comes later, is watched from then on: the kernel's notices are about what
// was there when they were asked for.
func (w *worker) watch(ctx context.Context) <-chan struct{} {
	if w.s.Folder == "" {
		return nil
	}
	changed := make(chan struct{}, 1)
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	v := w.view(ctx)
	go func() {
		tick := time.NewTicker(stare)
		defer tick.Stop()
		for v.last(ctx, tick.C, tell) {
			v = w.view(ctx)
			tell() // what was written before somebody watched
		}
	}()
	return changed
}

// view is a text's place as it was when it began to be watched.
type view struct {
	path   string
	text   fs.FileInfo     // nil: there was none
	dir    fs.FileInfo     // the folder that is watched
	events <-chan struct{} // nil: nothing can be watched
	end    func()
}

func (w *worker) view(ctx context.Context) view {
	ctx, cancel := context.WithCancel(ctx)
	v := view{path: w.s.Folder, end: cancel}
	v.text, v.dir = see(v.path)
	v.events, _ = source.Watch(ctx, v.path, w.included)
	return v
}

// see has a text and the folder that it lies in, which is itself where it is one.
func see(path string) (text, dir fs.FileInfo) {
	text, err := os.Stat(path)
	if err != nil || text.IsDir() {
		return text, text
	}
	dir, _ = os.Stat(filepath.Dir(path))
	return text, dir
}

// last tells of changes for as long as there is what is watched; false: the context ended.
func (v view) last(ctx context.Context, tick <-chan time.Time, tell func()) bool {
	defer v.end()
	for {
		select {
		case <-ctx.Done():
			return false
		case _, ok := <-v.events:
			if !ok {
				return ctx.Err() == nil
			}
			tell()
		case <-tick:
			if !v.still() {
				return true
			}
		}
	}
}

// still says whether what is watched is what lies there.
func (v view) still() bool {
	text, dir := see(v.path)
	if v.text == nil || text == nil {
		return v.text == nil && text == nil
	}
	return os.SameFile(v.dir, dir)
}

// included are the folders below that the text includes files of.
func (w *worker) included() []string {
	text, err := source.Read(w.s.Folder)
	if err != nil {
		return nil
	}
	return lang.Folders(text)
}
