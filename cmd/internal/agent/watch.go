package agent

import (
	"context"
	"os"
	"time"

	"strake/spec/lang"
	"strake/spec/source"
)

// stare is how often the agent sees whether a folder is still the one that it watches.
const stare = 2 * time.Second

// watch tells of changes of a folder's text; of a repository never. A folder that
// is put in the place of another, and one that comes later, is watched from
// then on: the kernel's notices are about what was there when they were asked for.
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
	go func() {
		tick := time.NewTicker(stare)
		defer tick.Stop()
		for ctx.Err() == nil {
			w.watchOne(ctx, tick.C, tell)
			tell()
		}
	}()
	return changed
}

// watchOne watches what is there now, until something else is.
func (w *worker) watchOne(ctx context.Context, tick <-chan time.Time, tell func()) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	is, _ := os.Stat(w.s.Folder)
	events, err := source.Watch(ctx, w.s.Folder, w.included)
	if err != nil {
		events = nil
	}
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-events:
			if !ok {
				return
			}
			tell()
		case <-tick:
			now, _ := os.Stat(w.s.Folder)
			switch {
			case is == nil && now == nil:
			case is == nil || now == nil, is.IsDir() && !os.SameFile(is, now):
				return
			}
		}
	}
}

// included are the folders below that the text includes files of.
func (w *worker) included() []string {
	text, err := source.Read(w.s.Folder)
	if err != nil {
		return nil
	}
	return lang.Folders(text)
}
