package source_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strake/spec/source"
)

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.hcl")
	write(t, file, "1")
	for name, path := range map[string]string{"file": file, "folder": dir} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			changed, err := source.Watch(ctx, path)
			must(t, err)
			write(t, filepath.Join(dir, ".a.hcl.swp"), "x")
			silent(t, changed)
			write(t, file+".new", "2")
			must(t, os.Rename(file+".new", file))
			select {
			case _, ok := <-changed:
				if !ok {
					t.Fatal("closed")
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing was told")
			}
			silent(t, changed)
			cancel()
			if _, ok := <-changed; ok {
				t.Error("not closed")
			}
		})
	}
	if _, err := source.Watch(t.Context(), filepath.Join(dir, "absent")); err == nil {
		t.Error("watches nothing")
	}
}

func silent(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
		t.Error("told of nothing, or twice")
	case <-time.After(500 * time.Millisecond):
	}
}
