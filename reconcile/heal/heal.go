// Package heal judges what is done about drift: whether it is mended now, later
// or not at all, and what of it is news. It is a pure function of what was
// known, what is seen and the time; it mends nothing itself.
package heal

import (
	"slices"
	"time"

	"strake/spec"
)

// Most is the hardest that mending may strike under a container's policy; None:
// it is only reported.
func Most(policy string) spec.Impact {
	switch policy {
	case "heal":
		return spec.Live
	case "strict":
		return spec.Restart
	}
	return spec.None
}

// Record is what is known of one container's, or network's, drift.
type Record struct {
	Picture  string    `json:"picture,omitempty"` // of the drift seen last, see Seen; "": there was none
	Since    time.Time `json:"since,omitzero"`    // the picture is this
	Tries    []Try     `json:"tries,omitempty"`   // to mend, within the time that counts
	Flapping bool      `json:"flapping,omitempty"`
}

// Try is one at what a picture showed.
type Try struct {
	At      time.Time `json:"at"`
	Picture string    `json:"picture"`
}

// Seen is one look.
type Seen struct {
	Picture  string // the same for the same settings of the same generation; "": no drift
	Mendable bool   // something of it may be mended
}

// Patience says how often one tries.
type Patience struct {
	Tries  int             // this many at one picture
	Within time.Duration   // within this: then it is given up
	Waits  []time.Duration // after each try, whatever at, until the next; the last one after all others
}

// Usual is five tries in ten minutes, each a while after the one before: they
// take a minute and a half at least, so that what comes and goes once in
// several minutes is mended for ever.
func Usual() Patience {
	return Patience{Tries: 5, Within: 10 * time.Minute, Waits: []time.Duration{time.Second, 4 * time.Second, 16 * time.Second, time.Minute}}
}

// Do is what is to be done.
type Do string

// The verdicts.
const (
	Nothing Do = "nothing" // there is no drift
	Report  Do = "report"  // it is nobody's to mend
	Mend    Do = "mend"
	Wait    Do = "wait"    // and look again, see Verdict.Until
	GiveUp  Do = "give up" // it was mended too often
)

// News is what is worth telling.
type News string

// The news.
const (
	Found    News = "found"    // drift that was not there before
	Gone     News = "gone"     // it is there no more
	Flapping News = "flapping" // it comes back as often as it is mended
)

// Verdict is what comes of a look. Record is to be kept before anything is
// mended: who is killed meanwhile has tried.
type Verdict struct {
	Do     Do
	Until  time.Time // of Wait
	News   []News
	Record Record
}

// Judge concludes. What flaps is left alone until its picture changes; whoever
// made it go away meanwhile has changed it.
func (p Patience) Judge(was Record, seen Seen, now time.Time) Verdict {
	v := Verdict{Do: Report, Record: was}
	r := &v.Record
	r.Tries = p.counting(was.Tries, now)
	if seen.Picture != was.Picture {
		r.Picture, r.Since = seen.Picture, now
		if was.Flapping {
			r.Flapping, r.Tries = false, nil
		}
		v.News = append(v.News, arrival(seen))
	}
	switch {
	case seen.Picture == "":
		v.Do = Nothing
	case !seen.Mendable:
	case r.Flapping:
		v.Do = GiveUp
	case r.triesAt(seen.Picture) >= p.Tries:
		v.Do, r.Flapping = GiveUp, true
		v.News = append(v.News, Flapping)
	case now.Before(p.due(r.Tries)):
		v.Do, v.Until = Wait, p.due(r.Tries)
	default:
		v.Do, r.Tries = Mend, append(r.Tries, Try{now, seen.Picture})
	}
	return v
}

func arrival(seen Seen) News {
	if seen.Picture == "" {
		return Gone
	}
	return Found
}

// counting are the tries that are not too long ago. A clock that was put back
// leaves none in the future.
func (p Patience) counting(tries []Try, now time.Time) []Try {
	return slices.DeleteFunc(slices.Clone(tries), func(t Try) bool { return t.At.After(now) || !now.Before(t.At.Add(p.Within)) })
}

// triesAt counts those at one picture: who edits one thing after another by hand is
// no reason to give up on any of them.
func (r Record) triesAt(picture string) int {
	n := 0
	for _, t := range r.Tries {
		if t.Picture == picture {
			n++
		}
	}
	return n
}

// due is when the next try may be.
func (p Patience) due(tries []Try) time.Time {
	if len(tries) == 0 {
		return time.Time{}
	}
	wait := p.Waits[min(len(tries), len(p.Waits))-1]
	return tries[len(tries)-1].At.Add(wait)
}

// Mended is what is known after a try that went well: what is left of the
// drift, if anything, is no news.
func (r Record) Mended(left string, now time.Time) Record {
	r.Picture, r.Since = left, now
	return r
}
