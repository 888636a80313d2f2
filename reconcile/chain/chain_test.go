package chain

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// history is a container whose layers hold what was written to them: the
// order of them is all that can be seen.
type history struct {
	r     *rand.Rand
	fresh int
	top   int     // of the generation in use
	all   []Stack // kept generations
	disk  []Piece
}

func (h *history) layers() []int { return h.all[h.top].Layers }

// restart freezes, on what is in use or on an older generation.
func (h *history) restart(from int) {
	h.fresh++
	h.all = append(h.all, Stack{Layers: append([]int{h.fresh}, h.all[from].Layers...)})
	h.disk = append(h.disk, Piece{h.fresh})
	h.top = len(h.all) - 1
}

// forget deletes a generation that is not in use.
func (h *history) forget(i int) {
	if i == h.top {
		return
	}
	h.all = slices.Delete(h.all, i, i+1)
	if h.top > i {
		h.top--
	}
}

func (h *history) stacks() []Stack {
	list := slices.Clone(h.all)
	for i := range list {
		list[i].Active = list[i].Layers[0] == h.layers()[0]
	}
	return list
}

// mounted is what the container is mounted from, as long as it is not mounted anew.
func (h *history) mounted(t *testing.T) []Piece {
	t.Helper()
	pieces, ok := Mounted(h.layers(), h.disk)
	if !ok {
		t.Fatalf("the generation in use, %v, is not whole in %v", h.layers(), h.disk)
	}
	return pieces
}

// TestNothingIsLost: after whatever history, every kept generation has all of
// its layers, in their order, and what is mounted stays there.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(300) {
		h := &history{r: rand.New(rand.NewPCG(seed, 1)), fresh: 1, all: []Stack{{Layers: []int{1}}}, disk: []Piece{{1}}}
		mounted := h.mounted(t)
		for range 150 {
			switch h.r.IntN(6) {
			case 0, 1:
				h.restart(h.top)
				mounted = h.mounted(t)
			case 2:
				h.restart(h.r.IntN(len(h.all)))
				mounted = h.mounted(t)
			case 3:
				h.forget(h.r.IntN(len(h.all)))
			case 4:
				h.collect(t, mounted)
			case 5:
				if p, ok := Lower(h.layers(), h.disk); ok {
					h.disk = append(h.disk, p)
				}
			}
			h.whole(t)
		}
		h.collect(t, h.mounted(t))
		h.collect(t, h.mounted(t))
		if most := 3*len(h.all) + 1; len(h.disk) > most {
			t.Fatalf("seed %d: %d pieces for %d generations: %v of %v", seed, len(h.disk), len(h.all), h.disk, h.all)
		}
	}
}

func (h *history) whole(t *testing.T) {
	t.Helper()
	for _, s := range h.stacks() {
		pieces, ok := Resolve(s.Layers, h.disk)
		if !ok || !slices.Equal(slices.Concat(pieces...), s.Layers) {
			t.Fatalf("of %v there is %v in %v", s.Layers, pieces, h.disk)
		}
	}
	h.mounted(t)
}

func (h *history) collect(t *testing.T, mounted []Piece) {
	t.Helper()
	for _, p := range Merges(h.stacks(), h.disk) {
		if p[0] == h.layers()[0] {
			t.Fatalf("%v is merged, and %d is written to", p, p[0])
		}
		if parts, ok := Resolve(p, h.disk); !ok || !slices.Equal(slices.Concat(parts...), p) {
			t.Fatalf("%v can't be made of %v", p, h.disk)
		}
		h.disk = append(h.disk, p)
	}
	useless, err := Useless(h.stacks(), h.disk, mounted)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range useless {
		if slices.ContainsFunc(mounted, p.is) {
			t.Fatalf("%v is mounted", p)
		}
		h.disk = slices.DeleteFunc(h.disk, p.is)
	}
}

// TestLow: of a long chain of which only the newest is kept, two pieces are left;
// of one that is kept whole, few are mounted.
func TestLow(t *testing.T) {
	h := &history{fresh: 1, all: []Stack{{Layers: []int{1}}}, disk: []Piece{{1}}}
	times := map[int]int{} // that a layer was merged
	for range 199 {
		h.restart(h.top)
		if p, ok := Lower(h.layers(), h.disk); ok {
			h.disk = append(h.disk, p)
			for _, n := range p {
				times[n]++
			}
		}
		if n := len(h.mounted(t)); n > High+2 {
			t.Fatalf("%d pieces are mounted", n)
		}
	}
	if most := slices.Max(slices.Collect(maps.Values(times))); most > 4 {
		t.Errorf("a layer was merged %d times", most)
	}
	h.all, h.top = h.all[h.top:], 0
	h.collect(t, nil)
	if got := fmt.Sprint(h.disk); got[:6] != "[[200]" || len(h.disk) != 2 {
		t.Errorf("left are %v", h.disk)
	}
}

// TestDamage: where a layer is missing nothing is taken away.
func TestDamage(t *testing.T) {
	have := []Piece{{1}, {3}, {4}}
	if _, err := Useless([]Stack{{Layers: []int{3, 2, 1}}}, have, nil); err == nil {
		t.Error("nobody misses layer 2")
	}
	if list := Merges([]Stack{{Layers: []int{3, 2, 1}}}, have); len(list) > 0 {
		t.Errorf("merges %v without layer 2", list)
	}
}
