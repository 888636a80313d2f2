package diary

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"strake/reconcile/event"
)

func all(t *testing.T, d *Diary, since time.Time) (list []string) {
	t.Helper()
	if err := d.Read(since, func(e event.Event) error { list = append(list, e.Container); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

func add(t *testing.T, d *Diary, name string) {
	t.Helper()
	if err := d.Append(event.Event{Kind: event.Container, Outcome: event.Done, Container: name}); err != nil {
		t.Error(err)
	}
}

// TestBounded: the newest events are kept, in order, in two files of a bounded size.
func TestBounded(t *testing.T) {
	d := Open(filepath.Join(t.TempDir(), "events"))
	d.most = 2000
	if got := all(t, d, time.Time{}); got != nil {
		t.Errorf("no diary has %v", got)
	}
	for i := range 200 {
		add(t, d, fmt.Sprint(i))
	}
	list := all(t, d, time.Time{})
	if len(list) < 15 || len(list) > 60 {
		t.Errorf("%d events are kept", len(list))
	}
	for i, name := range list {
		if name != fmt.Sprint(200-len(list)+i) {
			t.Fatalf("event %d is %s of %v", i, name, list)
		}
	}
	for _, path := range []string{d.now(), d.before()} {
		if info, err := os.Stat(path); err != nil || info.Size() > d.most || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", path, info, err)
		}
	}
	if got := all(t, d, time.Now().Add(time.Minute)); got != nil {
		t.Errorf("of the future: %v", got)
	}
}

// TestWriters: many write at a time, each with a file of its own as processes
// do, while the file is put aside again and again; a reader misses none.
func TestWriters(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "events")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const writers, each = 4, 100
	seen := map[string]int{}
	followed := make(chan error, 1)
	enough := errors.New("enough")
	go func() {
		followed <- Open(folder).Follow(ctx, time.Time{}, func(e event.Event) error {
			if seen[e.Container]++; len(seen) == writers*each {
				return enough
			}
			return nil
		})
	}()
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			d := Open(folder)
			d.most = 20_000
			defer d.Close()
			for i := range each {
				add(t, d, fmt.Sprintf("%d-%d", w, i))
				time.Sleep(time.Millisecond)
			}
		})
	}
	group.Wait()
	if err := <-followed; !errors.Is(err, enough) {
		t.Errorf("%v; %d of %d were seen", err, len(seen), writers*each)
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s was seen %d times", name, n)
		}
	}
}

// TestTorn: a line that was cut short spoils no other.
func TestTorn(t *testing.T) {
	d := Open(filepath.Join(t.TempDir(), "events"))
	add(t, d, "a")
	if _, err := d.file.WriteString(`{"version":1,"ti`); err != nil {
		t.Fatal(err)
	}
	add(t, d, "b")
	if got := all(t, d, time.Time{}); len(got) != 2 || got[1] != "b" {
		t.Errorf("read %v", got)
	}
}

// TestUnwritable: what can't be written is an error, and no more.
func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := Open(filepath.Join(file, "events"))
	if err := d.Append(event.Event{}); err == nil {
		t.Error("written into a file as into a folder")
	}
	if err := d.Append(event.Event{}); err != nil {
		t.Errorf("said once more: %v", err)
	}
}

// FuzzLines: whatever lies in the file, however it is cut, events are read and
// nothing else; a good line after a line's end is always read.
func FuzzLines(f *testing.F) {
	f.Add([]byte("{\"version\":1,\"container\":\"x\"}\nrubbish\n{}\n"), 3)
	f.Add(bytes.Repeat([]byte("x"), longest+10), 100)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		good := "\n{\"version\":1,\"time\":\"2026-01-01T00:00:00Z\",\"container\":\"last one\"}\n"
		var last event.Event
		l := newLines(&pieces{strings.NewReader(string(text) + good), max(1, piece)}, time.Time{}, func(e event.Event) error {
			if e.Version == 0 {
				t.Errorf("no event: %+v", e)
			}
			last = e
			return nil
		})
		if err := l.more(); err != nil || last.Container != "last one" || len(l.rest) > longest {
			t.Errorf("%v; the last event is %+v", err, last)
		}
	})
}

// pieces reads a few bytes at a time.
type pieces struct {
	io.Reader
	most int
}

func (p *pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.most)]) }
