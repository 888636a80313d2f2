package diary

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"strake/reconcile/event"
)

// longest is the longest line that is read: no event is so long.
const longest = 64 << 10

// lines reads events of a file that grows.
type lines struct {
	r     io.Reader
	since time.Time
	tell  func(event.Event) error
	rest  []byte // of a line whose end is not there yet
	skip  bool   // the line is too long
}

func newLines(r io.Reader, since time.Time, tell func(event.Event) error) *lines {
	return &lines{r: r, since: since, tell: tell}
}

// more reads to the present end. Lines that are no events, as a torn one, are
// passed over.
func (l *lines) more() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := l.r.Read(buf)
		if said := l.take(buf[:n]); said != nil {
			return said
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
	}
}

func (l *lines) take(text []byte) error {
	for {
		line, rest, whole := bytes.Cut(text, []byte{'\n'})
		if len(l.rest)+len(line) > longest {
			l.rest, l.skip = nil, true
		}
		if !l.skip {
			l.rest = append(l.rest, line...)
		}
		if !whole {
			return nil
		}
		if err := l.one(l.rest); err != nil {
			return err
		}
		l.rest, l.skip, text = l.rest[:0], false, rest
	}
}

func (l *lines) one(line []byte) error {
	var e event.Event
	if json.Unmarshal(line, &e) != nil || e.Version == 0 || e.Time.Before(l.since) {
		return nil
	}
	return l.tell(e)
}
