package spec

import (
	"fmt"
	"slices"
	"time"
)

// Window is a span of a day in which something may be done.
type Window struct {
	Name     string
	Days     []string // "mon"; none: all
	From, To string   // "22:00"
	Zone     string   // "Europe/Berlin"; "": UTC
}

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} } // as time.Weekday counts

// faulty says what is wrong with a window, and with which key.
type faulty struct{ key, text, hint string }

func (w Window) check() *faulty {
	for key, clock := range map[string]string{"from": w.From, "to": w.To} {
		if _, err := time.Parse("15:04", clock); err != nil {
			return &faulty{key, fmt.Sprintf("has no time %q", clock), `Write it as "22:00".`}
		}
	}
	if w.From == w.To {
		return &faulty{"to", "opens and closes at one time", `Write "00:00" and "23:59", or no window, for a whole day.`}
	}
	for _, d := range w.Days {
		if !slices.Contains(weekdays(), d) {
			return &faulty{"days", fmt.Sprintf("has no day %q", d), "Known are mon, tue, wed, thu, fri, sat, sun."}
		}
	}
	if _, err := time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
		return &faulty{"zone", fmt.Sprintf("has no zone %q", w.Zone), `Write it as the tz database does, "Europe/Berlin".`}
	}
	return nil
}

// Span is from when to when a window is open.
type Span struct{ Open, Close time.Time }

// on is the span that begins on the day that is so many days after t's, as
// the clocks of the zone show it. A time that the clocks skip is the same
// distance after the one before it, one that they show twice is the first or the
// second as time.Date says; a span that they skip whole is none.
func (w Window) on(t time.Time, days int) (Span, bool) {
	zone, err := time.LoadLocation(w.Zone)
	from, err1 := time.Parse("15:04", w.From)
	to, err2 := time.Parse("15:04", w.To)
	if err != nil || err1 != nil || err2 != nil {
		return Span{}, false
	}
	y, m, d := t.In(zone).Date()
	day := time.Date(y, m, d+days, 12, 0, 0, 0, zone) // noon is on every day
	if len(w.Days) > 0 && !slices.Contains(w.Days, weekdays()[day.Weekday()]) {
		return Span{}, false
	}
	next := 0
	if !to.After(from) {
		next = 1
	}
	y, m, d = day.Date()
	s := Span{
		Open:  time.Date(y, m, d, from.Hour(), from.Minute(), 0, 0, zone),
		Close: time.Date(y, m, d+next, to.Hour(), to.Minute(), 0, 0, zone),
	}
	return s, s.Close.After(s.Open)
}

// Open says whether one of the windows is open at t. Without any it always is.
func Open(windows []Window, t time.Time) bool {
	if len(windows) == 0 {
		return true
	}
	for _, w := range windows {
		for days := -1; days <= 0; days++ {
			if s, ok := w.on(t, days); ok && !t.Before(s.Open) && t.Before(s.Close) {
				return true
			}
		}
	}
	return false
}

// Opens is when the next of the windows opens after t; zero where none does.
func Opens(windows []Window, t time.Time) time.Time {
	var first time.Time
	for _, w := range windows {
		for days := 0; days <= 8; days++ { // a day that is skipped comes again in a week
			s, ok := w.on(t, days)
			if ok && s.Open.After(t) && (first.IsZero() || s.Open.Before(first)) {
				first = s.Open
			}
		}
	}
	return first
}
