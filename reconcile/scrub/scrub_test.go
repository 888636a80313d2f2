package scrub

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

const week = 7 * 24 * time.Hour

// TestNext: whatever there is and whenever it was made and read, all is read in
// time from then on, one at a time with a pause after each, and none much too often.
func TestNext(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
		began, readings, made := now, Readings{}, map[string]time.Time{}
		ago := func() time.Time { return now.Add(-time.Duration(r.Int64N(int64(2 * week)))) }
		for i := range 1 + r.IntN(30) {
			d := fmt.Sprint(i)
			made[d] = ago()
			switch r.IntN(4) {
			case 0: // never read
			case 1:
				readings[d] = now.Add(-time.Hour) // all at once, by hand
			case 2:
				readings[d] = now.Add(time.Duration(r.Int64N(int64(week)))) // by a clock that was wrong
			default:
				readings[d] = ago()
			}
		}
		readings.Forget(made, now)
		pause := week / time.Duration(2*len(made))
		late := map[string]time.Time{} // when each has to have been read
		for d := range made {
			late[d] = now.Add(week) // once it is behind, it has half of a week at most to come up
			if last := readings.Last(d, made[d], now); last.IsZero() || last.Add(week).Before(now.Add(week/2)) {
				late[d] = now.Add(week/2 + pause)
			}
		}
		var before time.Time
		for now.Before(began.Add(4 * week)) {
			d, at := readings.Next(made, week, now)
			if at.After(now) {
				now = at
				continue
			}
			if !before.IsZero() && now.Sub(before) < pause {
				t.Fatalf("seed %d: two readings within %s", seed, now.Sub(before))
			}
			if now.After(late[d]) {
				t.Fatalf("seed %d: %s of %d is read %s late", seed, d, len(made), now.Sub(late[d]))
			}
			if last := readings.Last(d, made[d], now); now.Sub(last) < week/2 {
				t.Fatalf("seed %d: %s is read %s after it was", seed, d, now.Sub(last))
			}
			readings[d], before, late[d] = now, now, now.Add(week)
		}
		for d, at := range late {
			if at.Before(now) {
				t.Fatalf("seed %d: %s was not read since %s", seed, d, readings[d])
			}
		}
	}
}

// TestForget: what is gone is known of no more, what is new is as it was made.
func TestForget(t *testing.T) {
	now := time.Now()
	r := Readings{"gone": now, "there": now, "wrong": now.Add(time.Second)}
	r.Forget(map[string]time.Time{"there": now, "new": now, "wrong": now}, now)
	if len(r) != 1 || r["there"] != now {
		t.Errorf("%v", r)
	}
	if d, at := r.Next(nil, week, now); d != "" || !at.IsZero() {
		t.Errorf("of nothing: %q at %s", d, at)
	}
	if d, at := r.Next(map[string]time.Time{"new": now}, week, now); d != "new" || !at.Equal(now.Add(week)) {
		t.Errorf("of something new: %q at %s", d, at)
	}
}
