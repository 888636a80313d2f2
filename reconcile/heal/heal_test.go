package heal

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"strake/spec"
)

// world is one container with something that spoils it, over a simulated time.
type world struct {
	p       Patience
	r       Record
	now     time.Time
	mends   []time.Time
	told    []News
	picture string // of what is wrong now
}

func (w *world) look(mendable bool) Verdict {
	v := w.p.Judge(w.r, Seen{w.picture, mendable}, w.now)
	w.r, w.told = v.Record, append(w.told, v.News...)
	if v.Do == Mend {
		w.mends = append(w.mends, w.now)
	}
	return v
}

// TestMost: what is not known mends nothing.
func TestMost(t *testing.T) {
	for policy, want := range map[string]spec.Impact{"": spec.None, "report": spec.None, "heal": spec.Live, "strict": spec.Restart, "Strict": spec.None} {
		if got := Most(policy); got != want {
			t.Errorf("%q: %s, want %s", policy, got, want)
		}
	}
}

// TestProperties: whatever comes when, no more than five tries fall into ten
// minutes of one picture, never one before its time, none of what may not be mended,
// and flapping is told once for each time that it is given up.
func TestProperties(t *testing.T) {
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := world{p: Usual(), now: time.Unix(1e9, 0)}
		episode := map[string][]time.Time{} // tries at each picture since that of something flapping changed last
		for range 200 {
			w.now = w.now.Add(time.Duration(rnd.Int64N(int64(90 * time.Second))))
			if rnd.IntN(50) == 0 {
				w.now = w.now.Add(-time.Duration(rnd.Int64N(int64(time.Hour)))) // a clock that is put back
			}
			for picture, tries := range episode {
				episode[picture] = slices.DeleteFunc(tries, func(at time.Time) bool { return at.After(w.now) || !at.After(w.now.Add(-w.p.Within)) })
			}
			if rnd.IntN(3) > 0 {
				w.picture = []string{"", "a", "a", "a", "b"}[rnd.IntN(5)]
			}
			mendable := rnd.IntN(5) > 0
			before := w.r
			told := len(w.told)
			v := w.look(mendable)
			news := w.told[told:]
			if before.Flapping && !v.Record.Flapping {
				clear(episode)
				if before.Picture == w.picture {
					t.Fatalf("seed %d: it flaps no more, and nothing changed", seed)
				}
			}
			if v.Do == Mend {
				episode[w.picture] = append(episode[w.picture], w.now)
				if !mendable || w.picture == "" || before.Flapping && before.Picture == w.picture {
					t.Fatalf("seed %d: mended what must not be", seed)
				}
			}
			if n := len(episode[w.picture]); n > w.p.Tries {
				t.Fatalf("seed %d: %d tries in %s", seed, n, w.p.Within)
			}
			if slices.Contains(news, Flapping) && (before.Flapping && before.Picture == w.picture || !v.Record.Flapping) {
				t.Fatalf("seed %d: told twice", seed)
			}
			if v.Do == Wait && !v.Until.After(w.now) {
				t.Fatalf("seed %d: waits for the past", seed)
			}
			if (v.Do == Nothing) != (w.picture == "") {
				t.Fatalf("seed %d: %s of picture %q", seed, v.Do, w.picture)
			}
		}
	}
}

// TestEndless: what is spoilt again at once is mended five times, told once, and
// left; what is spoilt every three minutes is mended for ever.
func TestEndless(t *testing.T) {
	w := world{p: Usual(), now: time.Unix(1e9, 0), picture: "crash"}
	for range 1000 {
		v := w.look(true)
		if v.Do == Mend {
			w.r = w.r.Mended("", w.now)
		}
		w.now = w.now.Add(time.Second)
	}
	if len(w.mends) != 5 || w.mends[4].Sub(w.mends[0]) < time.Minute {
		t.Errorf("mended at %v", w.mends)
	}
	if n := len(slices.DeleteFunc(w.told, func(n News) bool { return n != Flapping })); n != 1 {
		t.Errorf("told %d times", n)
	}
	w.picture = "another"
	if v := w.look(true); v.Do != Mend {
		t.Errorf("another picture: %s", v.Do)
	}
	w = world{p: Usual(), now: time.Unix(1e9, 0), picture: "crash"}
	for range 100 {
		if v := w.look(true); v.Do != Mend {
			t.Fatalf("every three minutes: %s", v.Do)
		}
		w.r = w.r.Mended("", w.now)
		w.now = w.now.Add(3 * time.Minute)
	}
}

// TestDeath: one who is killed while mending, and comes back, has tried.
func TestDeath(t *testing.T) {
	w := world{p: Usual(), now: time.Unix(1e9, 0), picture: "crash"}
	for range 100 {
		w.look(true) // and nothing comes of it
		w.now = w.now.Add(10 * time.Second)
	}
	if len(w.mends) != 5 {
		t.Errorf("%d tries", len(w.mends))
	}
}

// TestOneAfterAnother: edits of ever other settings are all mended, if not at once.
func TestOneAfterAnother(t *testing.T) {
	w := world{p: Usual(), now: time.Unix(1e9, 0)}
	for _, picture := range []string{"address", "port", "address", "port", "address", "port", "address", "memory", "name"} {
		w.picture = picture
		v := w.look(true)
		if v.Do == Wait && v.Until.Sub(w.now) <= time.Minute {
			w.now = v.Until
			v = w.look(true)
		}
		if v.Do != Mend {
			t.Fatalf("%s: %s", picture, v.Do)
		}
		w.r = w.r.Mended("", w.now)
		w.now = w.now.Add(2 * time.Second)
	}
}
