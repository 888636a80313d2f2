package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settleTime is how long a folder has to be quiet before a change is told:
// editors write a file in several steps.
const settleTime = 200 * time.Millisecond

// Watch tells when the text at path may have changed, until ctx is done; then
// the channel is closed. It watches the folder, because editors put a new
// file in the place of the old one.
func Watch(ctx context.Context, path string) (<-chan struct{}, error) {
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
	changed := make(chan struct{}, 1)
	go tell(ctx, w, only, changed)
	return changed, nil
}

func tell(ctx context.Context, w *fsnotify.Watcher, only string, changed chan<- struct{}) {
	defer close(changed)
	defer w.Close()
	quiet := time.NewTimer(settleTime)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-w.Events:
			if !ok {
				return
			}
			if concerns(e.Name, only) {
				quiet.Reset(settleTime)
			}
		case _, ok := <-w.Errors: // the queue ran over: something changed
			if !ok {
				return
			}
			quiet.Reset(settleTime)
		case <-quiet.C:
			select {
			case changed <- struct{}{}:
			default: // the last one was not taken yet
			}
		}
	}
}

// concerns says whether a file belongs to the text: any other file may be one
// that the text reads, but hidden ones are an editor's own.
func concerns(name, only string) bool {
	base := filepath.Base(name)
	if only != "" {
		return name == only
	}
	return !strings.HasPrefix(base, ".") && !strings.HasSuffix(base, "~")
}
