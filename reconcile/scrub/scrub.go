// Package scrub judges which of what is stored is to be read again next, and
// when. It reads nothing itself, and knows of things only their digests.
package scrub

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Readings are when things were last read, by their digests.
type Readings map[string]time.Time

// Next is the one whose last reading is longest ago, and when it is to be read,
// so that each is at least once in every, with a pause after each. made are all
// that there are: when something was made, it was read. Where there are none, nor
// is there a next one.
//
// The pause is half of what there would be if all were read evenly. So what was
// read at once, or is known of no more, is read over half of the time; and that
// begins so early that the last of them is not late.
func (r Readings) Next(made map[string]time.Time, every time.Duration, now time.Time) (digest string, at time.Time) {
	if len(made) == 0 {
		return "", time.Time{}
	}
	pause := every / time.Duration(2*len(made))
	order := slices.SortedFunc(maps.Keys(made), func(a, b string) int {
		return cmp.Or(r.Last(a, made[a], now).Compare(r.Last(b, made[b], now)), cmp.Compare(a, b))
	})
	at, soonest := now.Add(every), time.Time{}
	for i, d := range order {
		if begin := r.Last(d, made[d], now).Add(every - time.Duration(i)*pause); begin.Before(at) {
			at = begin
		}
		if read, is := r[d]; is && soonest.Before(read.Add(pause)) {
			soonest = read.Add(pause)
		}
	}
	if at.Before(soonest) {
		at = soonest
	}
	return order[0], at
}

// Last is when something that was made then was read last; zero: nobody knows.
// What was made in the future was made by a clock that was wrong.
func (r Readings) Last(digest string, made, now time.Time) time.Time {
	if read := r[digest]; !made.After(read) || made.After(now) {
		return read
	}
	return made
}

// Forget drops what is not there any more, and what will have been read in the future.
func (r Readings) Forget(made map[string]time.Time, now time.Time) {
	maps.DeleteFunc(r, func(digest string, read time.Time) bool {
		_, there := made[digest]
		return !there || read.After(now)
	})
}
