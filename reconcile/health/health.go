// Package health judges a changed container by what its checks said, and
// when. It looks at nothing itself and asks for no time.
package health

import (
	"errors"
	"fmt"
	"time"

	"strake/reconcile/resource"
)

// ErrCertain marks a finding that no further try would change, as an init that
// has ended. It counts at once, also in the start period.
var ErrCertain = errors.New("it will not mend itself")

// Verdict is what is known at a moment.
type Verdict string

// The verdicts.
const (
	Waiting   Verdict = "waiting"
	Healthy   Verdict = "healthy"
	Unhealthy Verdict = "unhealthy"
)

// Watch follows the checks of one container after one change.
type Watch struct {
	h     resource.Health
	began time.Time
	seen  map[string]*tries // by name of the check
	since time.Time         // when all that is looked at began to be good; zero: it is not
	worst error             // why it is unhealthy for good
}

// tries are those of one check.
type tries struct {
	failed int   // in a row, outside the start period
	last   error // of the latest one
}

// Begin watches from a moment on.
func Begin(h resource.Health, at time.Time) *Watch {
	w := &Watch{h: h, began: at, seen: map[string]*tries{}}
	if len(h.Checks) == 0 {
		w.since = at
	}
	return w
}

// Saw takes what one try of a check said: nil is good.
func (w *Watch) Saw(k resource.Check, at time.Time, err error) {
	t := w.seen[k.Name]
	if t == nil {
		t = &tries{}
		w.seen[k.Name] = t
	}
	if t.last = err; err == nil {
		t.failed = 0
		w.good(at)
		return
	}
	w.since = time.Time{}
	if at.Sub(w.began) >= w.h.StartPeriod {
		t.failed++
	}
	switch {
	case w.worst != nil:
	case errors.Is(err, ErrCertain):
		w.worst = fmt.Errorf("check %s: %w", k.Name, err)
	case t.failed >= allowed(w.h, k):
		w.worst = fmt.Errorf("check %s failed %s: %w", k.Name, times(t.failed), err)
	}
}

// Ended takes that there is nothing left to look at.
func (w *Watch) Ended(err error) {
	if w.worst == nil {
		w.worst = err
	}
}

// good notes since when all checks hold.
func (w *Watch) good(at time.Time) {
	for _, k := range w.h.Checks {
		if t := w.seen[k.Name]; t == nil || t.last != nil {
			return
		}
	}
	if w.since.IsZero() {
		w.since = at
	}
}

// Verdict is what follows from all that was seen, at a moment.
func (w *Watch) Verdict(at time.Time) (Verdict, error) {
	switch {
	case w.worst != nil:
		return Unhealthy, w.worst
	case !w.since.IsZero() && at.Sub(w.since) >= w.h.MinHealthy:
		return Healthy, nil
	case at.Sub(w.began) >= w.h.Deadline:
		return Unhealthy, fmt.Errorf("not healthy within %s: %w", w.h.Deadline, w.lacking())
	}
	return Waiting, nil
}

// lacking is what keeps it from being healthy.
func (w *Watch) lacking() error {
	for _, k := range w.h.Checks {
		switch t := w.seen[k.Name]; {
		case t == nil:
			return fmt.Errorf("check %s never came to an end", k.Name)
		case t.last != nil:
			return fmt.Errorf("check %s: %w", k.Name, t.last)
		}
	}
	return fmt.Errorf("its checks did not hold for %s", w.h.MinHealthy)
}

// Latest says what the latest try of each check said, in the order of checks.
func (w *Watch) Latest() []string {
	var list []string
	for _, k := range w.h.Checks {
		switch t := w.seen[k.Name]; {
		case t == nil:
			list = append(list, k.Name+": no answer yet")
		case t.last != nil:
			list = append(list, k.Name+": "+t.last.Error())
		default:
			list = append(list, k.Name+": good")
		}
	}
	return list
}

// Interval is the time between two tries of a check.
func Interval(h resource.Health, k resource.Check) time.Duration { return or(k.Interval, h.Interval) }

// Timeout is the time that one try may take.
func Timeout(h resource.Health, k resource.Check) time.Duration { return or(k.Timeout, h.Timeout) }

func or(own, all time.Duration) time.Duration {
	if own > 0 {
		return own
	}
	return all
}

func allowed(h resource.Health, k resource.Check) int {
	if k.Failures > 0 {
		return k.Failures
	}
	return h.Failures
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times in a row", n)
}
