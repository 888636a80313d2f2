package retain

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2025, 6, 30, 0, 0, 0, 0, time.UTC)

// ten is generations 1 to 10, number n made 10*(10-n) days ago.
func ten() State {
	s := State{Now: now, Current: 8, BackTo: 6, Held: 10}
	for n := 10; n >= 1; n-- {
		s.Generations = append(s.Generations, Generation{n, now.Add(-time.Duration(10*(10-n)) * day)})
	}
	return s
}

func kept(list []Verdict) string {
	var words []string
	for _, v := range list {
		if v.Keep {
			words = append(words, fmt.Sprint(v.Number))
		}
	}
	return strings.Join(words, " ")
}

func TestKeep(t *testing.T) {
	for _, c := range []struct{ words, kept string }{
		{"old", "6 8 10"},
		{"+1", "6 8 10"},
		{"+5", "6 7 8 9 10"},
		{"+99", "1 2 3 4 5 6 7 8 9 10"},
		{"30d", "6 7 8 9 10"},
		{"20d", "6 8 9 10"},
		{"1", "2 3 4 5 6 7 8 9 10"},
		{"1 3-5", "2 6 7 8 9 10"},
		{"8", "1 2 3 4 5 6 7 8 9 10"},
		{"1-10", "6 8 10"},
		{"+5 60d", "4 5 6 7 8 9 10"},
		{"old +3", "6 8 9 10"},
		{"+5 9", "6 7 8 10"},
	} {
		p, err := Parse(strings.Fields(c.words))
		if err != nil {
			t.Fatal(err)
		}
		if got := kept(Keep(ten(), p)); got != c.kept {
			t.Errorf("%s keeps %s, want %s", c.words, got, c.kept)
		}
	}
}

func TestNothingAskedForKeepsAll(t *testing.T) {
	for _, v := range Keep(ten(), Policy{}) {
		if !v.Keep {
			t.Errorf("drops %d: %s", v.Number, v.Reason)
		}
	}
}

func TestReasons(t *testing.T) {
	s := ten()
	s.Running, s.Pins = 7, []int{2}
	p, err := Parse([]string{"1-3", "8", "40d"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 drop named by 1-3", "2 keep pinned", "3 drop named by 1-3", "4 drop older than 40d", "5 drop older than 40d",
		"6 keep rollback leads to it", "7 keep running", "8 keep current", "9 keep not older than 40d", "10 keep on hold",
	}
	var got []string
	for _, v := range Keep(s, p) {
		word := map[bool]string{true: "keep", false: "drop"}[v.Keep]
		got = append(got, fmt.Sprintf("%d %s %s", v.Number, word, v.Reason))
		if v.Named != (v.Number == 8) {
			t.Errorf("%d named: %v", v.Number, v.Named)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMissing(t *testing.T) {
	p, err := Parse([]string{"3", "12", "11-15"})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Missing(ten()); !slices.Equal(got, []int{12}) {
		t.Errorf("missing %v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, word := range []string{"", "0", "-1", "x", "7-3", "3-3", "3-", "-", "+0", "+", "+-1", "++5", "d", "0d", "-3d", "1.5d", "5w", "OLD", " 7", "7 ", "99999999999999999999", "9999999999d", "1-2-3"} {
		_, err := Parse([]string{"1", word})
		var bad *WordError
		if !errors.As(err, &bad) || bad.Word != word {
			t.Errorf("%q: %v", word, err)
		}
	}
	for _, words := range [][]string{nil, {"+1", "+2"}, {"1d", "2d"}} {
		if _, err := Parse(words); err == nil {
			t.Errorf("took %q", words)
		}
	}
}

// TestNeededOnesStay tries random wishes on random states.
func TestNeededOnesStay(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		s := ten()
		s.Current, s.Running, s.BackTo, s.Held = r.IntN(11), r.IntN(11), r.IntN(11), r.IntN(11)
		s.Pins = []int{1 + r.IntN(10)}
		p := Policy{Old: r.IntN(2) == 0, Last: r.IntN(12), Age: time.Duration(r.IntN(100)) * day, Spans: []Span{{1 + r.IntN(5), 5 + r.IntN(6)}}}
		list := Keep(s, p)
		if len(list) != 10 {
			t.Fatalf("%d verdicts", len(list))
		}
		for _, v := range list {
			needed := slices.Contains([]int{s.Current, s.Running, s.BackTo, s.Held, s.Pins[0]}, v.Number)
			if needed && !v.Keep || v.Reason == "" {
				t.Fatalf("%+v of %+v by %+v", v, s, p)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("+5 30d 3-7 old 9")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(strings.Fields(text))
		if err == nil && (p.Last < 0 || p.Age < 0) {
			t.Errorf("%q is %+v", text, p)
		}
		Keep(ten(), p)
	})
}
