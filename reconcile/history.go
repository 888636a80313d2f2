package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"strake/generations"
	"strake/generations/retain"
	"strake/reconcile/apply"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// Entry is one generation and what became of it.
type Entry struct {
	generations.Record
	Current bool   `json:"current,omitempty"`
	Before  bool   `json:"active_before,omitempty"` // was in use
	Failed  bool   `json:"failed,omitempty"`        // the last try to put it to use failed
	Why     string `json:"why,omitempty"`           // it failed
	Held    bool   `json:"held,omitempty"`
	Pinned  bool   `json:"pinned,omitempty"`
	Size    int64  `json:"size,omitempty"` // bytes on disk that its own writable layer takes

	Evidence []apply.Evidence `json:"evidence,omitempty"` // of why it failed: where one generation is asked for

	tried string // the last run that put it to use
}

// History lists a container's generations, by number. What can't be read
// does not hide the others: the error comes beside them.
func (e *Engine) History(name string) ([]Entry, error) {
	book := e.State.Book(name)
	list, err := e.entries(book, "container", name)
	if list == nil {
		return nil, err
	}
	hold, _, err2 := book.Held()
	err = errors.Join(err, err2)
	sizes := map[int]int64{}
	for i := range list {
		c, err := e.State.Desired(name, list[i].Number)
		if err != nil {
			continue
		}
		list[i].Held = slices.Contains(hold.Digests(), plan.HoldDigest(c))
		if len(c.Writable) == 0 {
			continue
		}
		layer := c.Writable[0]
		if _, ok := sizes[layer]; !ok {
			for _, place := range []string{"writable", "bounded"} {
				sizes[layer] += usage(filepath.Join(e.State.Folder(name), place, strconv.Itoa(layer), "upper"))
			}
		}
		list[i].Size = sizes[layer]
	}
	return list, err
}

// StackHistory lists a stack's generations, by number.
func (e *Engine) StackHistory(name string) ([]Entry, error) {
	return e.entries(e.State.StackBook(name), "stack", name)
}

func (e *Engine) entries(book *generations.Book, kind, name string) ([]Entry, error) {
	if err := plain(kind, name); err != nil {
		return nil, err
	}
	records, bad := book.List()
	if len(records) == 0 {
		return nil, errors.Join(fmt.Errorf("%w: no %s %q", ErrUnknown, kind, name), bad)
	}
	current, err1 := book.Current()
	pins, err2 := book.Pins()
	acts, err3 := book.Activations()
	list := make([]Entry, len(records))
	for i, rec := range records {
		list[i] = Entry{
			Record: rec, Current: rec.Number == current, Pinned: slices.Contains(pins, rec.Number),
		}
		for _, a := range acts {
			if a.Generation == rec.Number {
				list[i].Failed, list[i].Why, list[i].tried = a.Outcome == generations.Failed, a.Note, a.Run
				list[i].Before = list[i].Before || a.Outcome == generations.Healthy
			}
		}
	}
	return list, errors.Join(bad, err1, err2, err3)
}

// usage is what a folder takes on disk. It goes no way that leads out of it.
func usage(dir string) int64 {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0
	}
	defer root.Close()
	var sum int64
	_ = fs.WalkDir(root.FS(), ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone meanwhile
		}
		if info, err := d.Info(); err == nil && !d.IsDir() {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				sum += st.Blocks * 512 // st_blocks counts 512 bytes, whatever the file system
			}
		}
		return nil
	})
	return sum
}

// Retention decides which generations of a container a wish deletes.
func (e *Engine) Retention(name string, p retain.Policy, now time.Time) ([]retain.Verdict, error) {
	if err := plain("container", name); err != nil {
		return nil, err
	}
	book := e.State.Book(name)
	current, err := book.Current()
	if err != nil {
		return nil, err
	}
	if current == 0 {
		return nil, fmt.Errorf("%w: no container %q", ErrUnknown, name)
	}
	s := retain.State{Current: current, Now: now}
	if s.Pins, err = book.Pins(); err != nil {
		return nil, err
	}
	if s.BackTo, err = book.Back(); err != nil && !errors.Is(err, generations.ErrNoWayBack) {
		return nil, err
	}
	if hold, ok, err := book.Held(); err != nil {
		return nil, err
	} else if ok {
		s.Held = hold.Generation
	}
	numbers, err := book.Numbers() // also damaged ones: they can be deleted
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		rec, _ := book.Read(n) // of a damaged one the age is unknown: old
		s.Generations = append(s.Generations, retain.Generation{Number: n, Created: rec.Created})
	}
	if missing := p.Missing(s); len(missing) > 0 {
		return nil, fmt.Errorf("%w: container %s has no generation %d", ErrUnknown, name, missing[0])
	}
	return retain.Keep(s, p), nil
}

// Pin keeps a generation from being deleted.
func (e *Engine) Pin(ctx context.Context, name string, n int) error {
	return e.say(ctx, name, n, (*generations.Book).Pin)
}

// Unpin takes that back.
func (e *Engine) Unpin(ctx context.Context, name string, n int) error {
	return e.say(ctx, name, n, (*generations.Book).Unpin)
}

func (e *Engine) say(ctx context.Context, name string, n int, f func(*generations.Book, int) error) error {
	return e.work(ctx, func() error {
		if _, err := e.current(name); err != nil {
			return err
		}
		book := e.State.Book(name)
		if _, err := book.Read(n); errors.Is(err, generations.ErrNone) {
			return fmt.Errorf("%w: container %s has no generation %d", ErrUnknown, name, n)
		}
		return f(book, n)
	})
}

// Generation reads one generation of a container: its record and what it is
// made of. 0: the current one.
func (e *Engine) Generation(name string, n int) (Entry, resource.Container, error) {
	var c resource.Container
	list, err := e.entries(e.State.Book(name), "container", name)
	if list == nil {
		return Entry{}, c, err
	}
	i := slices.IndexFunc(list, func(x Entry) bool { return x.Number == n || n == 0 && x.Current })
	if i < 0 {
		return Entry{}, c, fmt.Errorf("%w: container %s has no generation %d; `strake list-generations %s` shows them", ErrUnknown, name, n, name)
	}
	entry := list[i]
	if entry.Failed {
		entry.Evidence = e.evidence(entry.tried, name)
	}
	c, err = e.State.Desired(name, entry.Number)
	return entry, c, err
}

// evidence is what the run's record keeps of why it failed for a container. A
// record that is gone tells nothing.
func (e *Engine) evidence(run, name string) []apply.Evidence {
	var out Outcome
	if err := e.State.Run(run, &out); err != nil {
		return nil
	}
	for _, r := range out.Results {
		if r.Name == name {
			return r.Evidence
		}
	}
	return nil
}
