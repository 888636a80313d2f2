package source_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"strake/spec/lang"
	"strake/spec/source"
)

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.hcl")
	write(t, file, "1")
	for name, path := range map[string]string{"file": file, "folder": dir} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			changed, err := source.Watch(ctx, path, nil)
			must(t, err)
			write(t, filepath.Join(dir, ".a.hcl.swp"), "x")
			silent(t, changed)
			put(t, file, "2")
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
	if _, err := source.Watch(t.Context(), filepath.Join(dir, "absent"), nil); err == nil {
		t.Error("watches nothing")
	}
}

// TestWatchIncluded: what a text includes is part of it, also a folder that
// comes later.
func TestWatchIncluded(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.hcl")
	write(t, file, `include = ["sites/*.hcl"]`)
	must(t, os.Mkdir(filepath.Join(dir, "sites"), 0o755))
	changed, err := source.Watch(t.Context(), file, func() []string {
		text, err := source.Read(file)
		must(t, err)
		return lang.Folders(text)
	})
	must(t, err)
	put(t, filepath.Join(dir, "sites", "b.hcl"), "locals {}\n")
	told(t, changed)
	put(t, filepath.Join(dir, "other.txt"), "x")
	silent(t, changed)
	put(t, file, `include = ["sites/*.hcl", "more/*.hcl"]`)
	told(t, changed)
	must(t, os.Mkdir(filepath.Join(dir, "more"), 0o755))
	told(t, changed)
	drain(changed)
	put(t, filepath.Join(dir, "more", "c.hcl"), "locals {}\n")
	told(t, changed)
}

// put brings a file about at once, as editors do.
func put(t *testing.T, path, text string) {
	t.Helper()
	aside := filepath.Join(filepath.Dir(path), ".aside")
	write(t, aside, text)
	must(t, os.Rename(aside, path))
}

func told(t *testing.T, changed <-chan struct{}) {
	t.Helper()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was told")
	}
}

// drain takes what is told until nothing is.
func drain(changed <-chan struct{}) {
	for {
		select {
		case <-changed:
		case <-time.After(500 * time.Millisecond):
			return
		}
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
