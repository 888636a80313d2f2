package retain

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Policy says what may go. Spans always go; of the rest goes what no given
// rule keeps. The zero Policy keeps everything.
type Policy struct {
	Spans []Span
	Old   bool          // everything that is not needed
	Last  int           // keep this many of the newest; 0: no such rule
	Age   time.Duration // keep what is not older; 0: no such rule
}

// Span is a range of numbers, both ends included.
type Span struct{ First, Last int }

// String is the span as people write it.
func (s Span) String() string {
	if s.First == s.Last {
		return strconv.Itoa(s.First)
	}
	return fmt.Sprintf("%d-%d", s.First, s.Last)
}

func (p Policy) span(n int) (Span, bool) {
	for _, s := range p.Spans {
		if s.First <= n && n <= s.Last {
			return s, true
		}
	}
	return Span{}, false
}

func (p Policy) names(n int) bool {
	for _, s := range p.Spans {
		if s.First == n && s.Last == n {
			return true
		}
	}
	return false
}

// Missing lists the numbers that the policy names and that are not there.
func (p Policy) Missing(s State) []int {
	there := map[int]bool{}
	for _, g := range s.Generations {
		there[g.Number] = true
	}
	var list []int
	for _, span := range p.Spans {
		if span.First == span.Last && !there[span.First] {
			list = append(list, span.First)
		}
	}
	return list
}

// WordError says what is wrong with a word of a wish.
type WordError struct{ Word, Why string }

func (e *WordError) Error() string {
	return fmt.Sprintf("%q: %s; say a number (7), a range (3-7), old, +5 (keep the last five) or 30d (older than 30 days)", e.Word, e.Why)
}

// Parse reads a wish: numbers "7", ranges "3-7", "old" (all that is not
// needed), "+5" (all but the last five), "30d" (what is older). Rules together
// delete what none of them keeps: "+5 30d" keeps the last five and what is
// younger than 30 days. Errors: *WordError.
func Parse(words []string) (Policy, error) {
	var p Policy
	if len(words) == 0 {
		return p, &WordError{"", "nothing named"}
	}
	for _, word := range words {
		if why := p.add(word); why != "" {
			return Policy{}, &WordError{word, why}
		}
	}
	return p, nil
}

// add reads one word and says what is wrong with it.
func (p *Policy) add(word string) string {
	if word == "old" {
		p.Old = true
		return ""
	}
	if rest, ok := strings.CutPrefix(word, "+"); ok {
		return p.addLast(rest)
	}
	if rest, ok := strings.CutSuffix(word, "d"); ok {
		return p.addAge(rest)
	}
	return p.addSpan(word)
}

func (p *Policy) addLast(word string) string {
	n, ok := number(word)
	if !ok {
		return "not a number of generations"
	}
	if p.Last != 0 {
		return "said twice"
	}
	p.Last = n
	return ""
}

func (p *Policy) addAge(word string) string {
	n, ok := number(word)
	if !ok || n > math.MaxInt64/int(day) {
		return "not a number of days"
	}
	if p.Age != 0 {
		return "said twice"
	}
	p.Age = time.Duration(n) * day
	return ""
}

func (p *Policy) addSpan(word string) string {
	from, to, ranged := strings.Cut(word, "-")
	if !ranged {
		to = from
	}
	first, ok1 := number(from)
	last, ok2 := number(to)
	if !ok1 || !ok2 {
		return "not understood"
	}
	if first > last {
		return "the range is empty"
	}
	if ranged && first == last {
		return "the range is a single number"
	}
	p.Spans = append(p.Spans, Span{first, last})
	return ""
}

const day = 24 * time.Hour

func days(d time.Duration) string {
	if d%day != 0 {
		return d.String()
	}
	return fmt.Sprintf("%dd", d/day)
}

// number reads a whole number from 1, of digits only.
func number(word string) (int, bool) {
	if strings.Trim(word, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(word)
	return n, err == nil && n > 0
}
