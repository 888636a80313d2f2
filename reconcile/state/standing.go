package state

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"strake/generations"
	"strake/reconcile/resource"
)

// Standing is a container's current generation.
type Standing struct {
	Generation int // 0: it has none
	Record     generations.Record
	Container  resource.Container
}

// Standing reads the current generation of a container; the zero Standing where it
// has none. What was read before, and lies there still, is not read again.
func (d *Dir) Standing(container string) (Standing, error) {
	return d.standing(container, time.Now())
}

func (d *Dir) standing(container string, at time.Time) (Standing, error) {
	book := d.Book(container)
	n, err := book.Current()
	if err != nil || n == 0 {
		return Standing{}, err
	}
	now := printsOf(book, n)
	if r, ok := d.known.recall(container, now); ok {
		return r.standing(container, n)
	}
	r := reading{prints: now}
	if r.record, err = book.Read(n); err != nil {
		return Standing{}, err
	}
	if r.desired, err = book.File(n, DesiredFile); err != nil {
		return Standing{}, err
	}
	d.known.keep(container, r, at)
	return r.standing(container, n)
}

// memory is what was read of current generations, by container.
type memory struct {
	mu  sync.Mutex
	all map[string]reading
}

// reading is a generation as it was read, while its files were such. What is
// wanted stays text: it has parts that its readers could change.
type reading struct {
	prints  [3]print
	record  generations.Record
	desired []byte
}

func (r reading) standing(container string, n int) (Standing, error) {
	s := Standing{Generation: n, Record: r.record}
	if err := json.Unmarshal(r.desired, &s.Container); err != nil {
		return s, fmt.Errorf("read generation %d of %s: %w", n, container, err)
	}
	s.Container = s.Container.Named(container)
	return s, nil
}

func (m *memory) recall(container string, now [3]print) (reading, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.all[container]
	return r, ok && r.prints == now
}

// keep remembers a reading of files that were left alone for a while.
func (m *memory) keep(container string, r reading, now time.Time) {
	for _, p := range r.prints {
		if !p.settled(now) {
			return
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[string]reading{}
	}
	m.all[container] = r
}

// drop forgets all but these containers.
func (m *memory) drop(but []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.all) <= len(but) {
		return
	}
	stay := make(map[string]reading, len(but))
	for _, name := range but {
		if r, ok := m.all[name]; ok {
			stay[name] = r
		}
	}
	m.all = stay
}

// print identifies what a file holds: another content has another inode, or
// another time of change, which nobody can set (stat(2), st_ctim).
type print struct {
	device, inode uint64
	size          int64
	changed       unix.Timespec
}

// printsOf are those of all files that a standing is read from.
func printsOf(b *generations.Book, n int) (list [3]print) {
	for i, path := range []string{filepath.Join(b.Dir(), "uuid"), filepath.Join(b.Path(n), generations.RecordFile), filepath.Join(b.Path(n), DesiredFile)} {
		list[i] = printOf(path)
	}
	return list
}

// printOf is that of a file that is not there, too: none.
func printOf(path string) print {
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return print{}
	}
	return print{uint64(st.Dev), st.Ino, st.Size, st.Ctim}
}

// settled says that the file was left alone for a while: the kernel's clock has
// ticks, and of two changes within one the second leaves no mark.
func (p print) settled(now time.Time) bool {
	return p != (print{}) && now.Sub(time.Unix(p.changed.Unix())) >= time.Second
}
