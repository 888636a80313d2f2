// Package idmap is the arithmetic of ranges of user and group ids: which
// overlap, which are free. It knows neither names nor files, and chooses
// nothing but the lowest range that fits.
package idmap

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Align is what the base of a new range is a multiple of, where the pool has
// room for that: ids then read as slot and id within.
const Align = 65536

// limit is the end of all usable ids: the last 32-bit one, (uid_t)-1, means
// "none" to the kernel.
const limit = 1<<32 - 1

// ErrFull says that no hole of the pool is large enough.
var ErrFull = errors.New("no free range of ids")

// Range is the ids Base to Base+Size-1.
type Range struct {
	Base uint32 `json:"base"`
	Size uint32 `json:"size"`
}

// String is the range as /etc/subuid has it: "1000000:65536".
func (r Range) String() string { return fmt.Sprintf("%d:%d", r.Base, r.Size) }

// End is the first id behind the range. It needs more than 32 bits.
func (r Range) End() uint64 { return uint64(r.Base) + uint64(r.Size) }

// Valid says whether the range has ids, and only ids that the kernel knows.
func (r Range) Valid() bool { return r.Size > 0 && r.End() <= limit }

// Overlaps says whether the two share an id.
func (r Range) Overlaps(o Range) bool {
	return r.Size > 0 && o.Size > 0 && uint64(r.Base) < o.End() && uint64(o.Base) < r.End()
}

// Contains says whether all of o is within r.
func (r Range) Contains(o Range) bool {
	return o.Base >= r.Base && o.End() <= r.End()
}

// Free is the lowest range of size ids in the pool that overlaps nothing
// taken: the lowest aligned one, or where no aligned one fits the lowest of
// all. Errors: ErrFull.
func Free(pool, taken []Range, size uint32) (Range, error) {
	return NewSpace(pool, taken).Take(size)
}

// Union is the same ids as disjoint ranges, ascending, with no neighbours
// that touch.
func Union(list []Range) []Range { return ranges(merge(spans(list))) }

// Subtract is the ids of list that are in none of the others.
func Subtract(list, others []Range) []Range {
	return ranges(minus(merge(spans(list)), merge(spans(others))))
}

// Intersect is the ids that are in both lists.
func Intersect(a, b []Range) []Range {
	return Subtract(a, Subtract(a, b))
}

// span is ids from..to-1, in numbers that can't overflow.
type span struct{ from, to uint64 }

func spans(list []Range) []span {
	out := make([]span, 0, len(list))
	for _, r := range list {
		if r.Size > 0 {
			out = append(out, span{uint64(r.Base), min(r.End(), limit)})
		}
	}
	return out
}

func ranges(list []span) []Range {
	out := make([]Range, 0, len(list))
	for _, s := range list {
		out = append(out, Range{uint32(s.from), uint32(s.to - s.from)})
	}
	return out
}

// merge sorts spans and joins those that touch.
func merge(list []span) []span {
	list = slices.DeleteFunc(list, func(s span) bool { return s.from >= s.to })
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range list {
		if n := len(out); n > 0 && s.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// minus walks two merged lists side by side.
func minus(list, holes []span) []span {
	var out []span
	for _, s := range list {
		for len(holes) > 0 && holes[0].to <= s.from {
			holes = holes[1:]
		}
		for _, h := range holes {
			if h.from >= s.to {
				break
			}
			if s.from < h.from {
				out = append(out, span{s.from, h.from})
			}
			s.from = h.to
		}
		if s.from < s.to {
			out = append(out, s)
		}
	}
	return out
}
