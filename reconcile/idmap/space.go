package idmap

import (
	"fmt"
	"slices"
	"sort"
)

// Space is the free part of a pool while ranges are taken from it: many in
// one go cost no more than a few.
type Space struct {
	gaps []span // merged
}

// NewSpace is a pool without what is taken.
func NewSpace(pool, taken []Range) *Space {
	return &Space{minus(merge(spans(pool)), merge(spans(taken)))}
}

// Take takes the range that Free describes. Errors: ErrFull.
func (s *Space) Take(size uint32) (Range, error) {
	if size == 0 {
		return Range{}, fmt.Errorf("%w: a range has at least one id", ErrFull)
	}
	for _, align := range []uint64{Align, 1} {
		for i, g := range s.gaps {
			base := (g.from + align - 1) / align * align
			if base+uint64(size) <= g.to {
				s.cut(i, span{base, base + uint64(size)})
				return Range{uint32(base), size}, nil
			}
		}
	}
	return Range{}, fmt.Errorf("%w: %d ids wanted", ErrFull, size)
}

// cut removes a part of gap i.
func (s *Space) cut(i int, part span) {
	rest := minus([]span{s.gaps[i]}, []span{part})
	s.gaps = slices.Replace(s.gaps, i, i+1, rest...)
}

// Release gives a range back. The caller knows that it was the pool's.
func (s *Space) Release(r Range) {
	for _, p := range spans([]Range{r}) {
		at := sort.Search(len(s.gaps), func(i int) bool { return s.gaps[i].from >= p.from })
		s.gaps = slices.Insert(s.gaps, at, p)
		low, high := max(at-1, 0), min(at+2, len(s.gaps))
		s.gaps = slices.Replace(s.gaps, low, high, merge(slices.Clone(s.gaps[low:high]))...)
	}
}
