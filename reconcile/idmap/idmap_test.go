package idmap

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func TestFree(t *testing.T) {
	whole := Range{1000000, 1000000000}
	for _, c := range []struct {
		name        string
		pool, taken []Range
		size        uint32
		want        Range
	}{
		{"first aligned", []Range{whole}, nil, 65536, Range{1048576, 65536}},
		{"behind one", []Range{whole}, []Range{{1048576, 65536}}, 65536, Range{1114112, 65536}},
		{"hole that fits exactly", []Range{whole}, []Range{{1048576, 65536}, {1179648, 65536}}, 65536, Range{1114112, 65536}},
		{"hole too small", []Range{whole}, []Range{{1048576, 65536}, {1179648, 65536}}, 131072, Range{1245184, 131072}},
		{"one id in the way", []Range{whole}, []Range{{1048576 + 65535, 1}}, 65536, Range{1114112, 65536}},
		{"pool of one container, not aligned", []Range{{100000, 65536}}, nil, 65536, Range{100000, 65536}},
		{"second part of the pool", []Range{{100000, 1000}, {1 << 20, 65536}}, nil, 65536, Range{1 << 20, 65536}},
		{"parts that touch count as one", []Range{{1 << 20, 30000}, {1<<20 + 30000, 35536}}, nil, 65536, Range{1 << 20, 65536}},
		{"parts that overlap count once", []Range{{1 << 20, 65536}, {1 << 20, 65536}}, []Range{{1 << 20, 10}}, 65526, Range{1<<20 + 10, 65526}},
		{"last ids", []Range{{4294901760, 65535}}, nil, 65535, Range{4294901760, 65535}},
		{"taken beyond the end", []Range{{0, 1 << 17}}, []Range{{65536, 1<<32 - 1}}, 65536, Range{0, 65536}},
	} {
		got, err := Free(c.pool, c.taken, c.size)
		if err != nil || got != c.want {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

func TestFull(t *testing.T) {
	for name, c := range map[string]struct {
		pool, taken []Range
		size        uint32
	}{
		"no pool":         {nil, nil, 1},
		"too large":       {[]Range{{0, 100}}, nil, 101},
		"all taken":       {[]Range{{0, 100}}, []Range{{0, 50}, {50, 50}}, 1},
		"no ids":          {[]Range{{0, 100}}, nil, 0},
		"id -1 is no id":  {[]Range{{4294967295, 1}}, nil, 1},
		"would wrap":      {[]Range{{4294901760, 65536}}, nil, 65536},
		"empty pool part": {[]Range{{5, 0}}, nil, 1},
	} {
		if got, err := Free(c.pool, c.taken, c.size); !errors.Is(err, ErrFull) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestRange(t *testing.T) {
	top := Range{4294901760, 65535}
	if !top.Valid() || top.End() != 1<<32-1 || (Range{4294901760, 65536}).Valid() || (Range{7, 0}).Valid() {
		t.Error("validity at the end")
	}
	if !top.Overlaps(Range{4294967290, 100}) || top.Overlaps(Range{0, 65536}) || top.Overlaps(Range{4294967000, 0}) {
		t.Error("overlap at the end")
	}
	if !(Range{10, 10}).Contains(Range{10, 10}) || (Range{10, 10}).Contains(Range{10, 11}) || (Range{10, 10}).Contains(Range{9, 2}) {
		t.Error("containing")
	}
	if got := (Range{1000000, 65536}).String(); got != "1000000:65536" {
		t.Error(got)
	}
}

// small makes ranges in 0..63, so that ids can be counted one by one.
func small(r *rand.Rand, n int) []Range {
	var list []Range
	for range r.IntN(n + 1) {
		base := r.Uint32N(64)
		list = append(list, Range{base, r.Uint32N(64 - base + 1)})
	}
	return list
}

func ids(list []Range) (set [128]bool) {
	for _, r := range list {
		for i := range r.Size {
			set[r.Base+i] = true
		}
	}
	return set
}

func TestSetsAgainstCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		a, b := small(r, 4), small(r, 4)
		inA, inB := ids(a), ids(b)
		union, less, both := ids(Union(a)), ids(Subtract(a, b)), ids(Intersect(a, b))
		for i := range inA {
			if union[i] != inA[i] || less[i] != (inA[i] && !inB[i]) || both[i] != (inA[i] && inB[i]) {
				t.Fatalf("id %d of %v and %v: %v %v %v", i, a, b, union[i], less[i], both[i])
			}
		}
		for i, u := range Union(a) {
			if i > 0 && Union(a)[i-1].End() >= uint64(u.Base) {
				t.Fatalf("union of %v is %v", a, Union(a))
			}
		}
	}
}

// TestFreeAgainstTrying compares with trying every base in turn.
func TestFreeAgainstTrying(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		pool, taken, size := small(r, 3), small(r, 5), 1+r.Uint32N(20)
		got, err := Free(pool, taken, size)
		want, found := try(pool, taken, size)
		if found != (err == nil) || found && got != want {
			t.Fatalf("%d of %v without %v: %v, %v; want %v", size, pool, taken, got, err, want)
		}
	}
}

func try(pool, taken []Range, size uint32) (Range, bool) {
	in, out := ids(pool), ids(taken)
	for _, align := range []uint32{Align, 1} {
	next:
		for base := uint32(0); base+size <= 64; base += align {
			for i := range size {
				if !in[base+i] || out[base+i] {
					continue next
				}
			}
			return Range{base, size}, true
		}
	}
	return Range{}, false
}

// TestSpaceHoldsTheRules takes and releases over the whole of 32 bits: ranges
// never overlap, never leave the pool, and what comes next is always what
// Free says.
func TestSpaceHoldsTheRules(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	pool := []Range{{100000, 3000000}, {4290000000, 4967296}}
	foreign := []Range{{1 << 20, 65536}, {4294000000, 5}}
	space := NewSpace(pool, foreign)
	taken := append([]Range{}, foreign...)
	sizes := []uint32{65536, 65536, 65536, 1000, 131072, 1, 70000}
	for step := range 3000 {
		if len(taken) > len(foreign) && r.IntN(5) < 2 {
			i := len(foreign) + r.IntN(len(taken)-len(foreign))
			space.Release(taken[i])
			taken = append(taken[:i], taken[i+1:]...)
			continue
		}
		size := sizes[r.IntN(len(sizes))]
		want, errWant := Free(pool, taken, size)
		got, err := space.Take(size)
		if got != want || (err == nil) != (errWant == nil) {
			t.Fatalf("step %d: took %v, %v; Free says %v, %v", step, got, err, want, errWant)
		}
		if err != nil {
			continue
		}
		within := false
		for _, p := range pool {
			within = within || p.Contains(got)
		}
		for _, o := range taken {
			if !within || !got.Valid() || o.Overlaps(got) {
				t.Fatalf("step %d: %v, within %v, taken %v", step, got, within, o)
			}
		}
		taken = append(taken, got)
	}
}
