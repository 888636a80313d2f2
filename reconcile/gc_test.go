package reconcile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"strake/reconcile/resource"
	"strake/spec"
)

// TestNothingNeededIsCollected: whatever has happened, gc leaves each image and each
// system layer that a generation is made of, of containers that stand and of those in
// the attic, and nothing that no generation is made of.
func TestNothingNeededIsCollected(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := history{newBench(t), rand.New(rand.NewPCG(seed, 3)), map[string]bool{}, time.Now(), 0}
			for range 40 {
				h.once()
				h.collect()
			}
			if h.refused > 25 {
				t.Errorf("%d of 40 were refused: there was no history", h.refused)
			}
		})
	}
}

// history is what happens to two containers; images are those in the store.
type history struct {
	*bench
	r      *rand.Rand
	images map[string]bool
	now    time.Time

	refused int
}

func (h *history) once() {
	ctx := context.Background()
	name := fmt.Sprint("c", h.r.IntN(2))
	gens := h.generations(name)
	switch what := h.r.IntN(8); {
	case what < 3 || len(gens) == 0:
		source := fmt.Sprintf("tar:/%d.tar", h.r.IntN(3))
		_, err := h.Apply(ctx, web(container(name, func(c *spec.Container) {
			c.Image = &spec.Image{Source: source}
			if n := h.r.IntN(4); n > 0 {
				c.System.Run = []string{fmt.Sprint("echo ", n)}
			}
		})), how)
		h.held(err)
	case what == 3:
		_, err := h.Rollback(ctx, Target{Container: name, Generation: gens[h.r.IntN(len(gens))], Data: h.r.IntN(2) == 0}, how)
		h.held(err)
	case what == 4:
		h.held(h.DeleteGenerations(ctx, name, gens[:1+h.r.IntN(len(gens))]))
	case what == 5:
		_, err := h.Destroy(ctx, name, Destruction{Force: true, Purge: h.r.IntN(2) == 0}, how)
		h.held(err)
	case what == 6:
		_, err := h.Undestroy(ctx, Return{Container: name}, how)
		h.held(err)
	case what == 7:
		h.now = h.now.Add(3 * 24 * time.Hour)
	}
	h.needed(func(c *resource.Container) { h.images[c.Image.Digest] = true })
}

// held counts what is refused: of random wishes many are.
func (h *history) held(err error) {
	if err != nil {
		h.t.Log(err)
		h.refused++
	}
}

func (h *history) generations(name string) []int {
	list, err := h.State.Book(name).Numbers()
	if err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *history) needed(f func(*resource.Container)) {
	h.t.Helper()
	if err := h.eachRecorded(f); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) collect() {
	h.t.Helper()
	_, err := h.Collect(context.Background(), Collection{
		Now: h.now,
		Images: func() (list []Stored, err error) {
			for digest := range h.images {
				list = append(list, Stored{Digest: digest})
			}
			return list, nil
		},
		Remove:  func(digest string) error { delete(h.images, digest); return nil },
		Approve: func([]Garbage) error { return nil },
	})
	if err != nil {
		h.t.Fatal(err)
	}
	used := map[string]bool{}
	h.needed(func(c *resource.Container) {
		used[c.Image.Digest] = true
		if !h.images[c.Image.Digest] {
			h.t.Errorf("%s needs image %s, which is gone", c.Name, c.Image.Digest)
		}
		for _, key := range c.Layers {
			used[key] = true
			if !h.layers.Has(key) {
				h.t.Errorf("%s needs system layer %s, which is gone", c.Name, key)
			}
		}
	})
	layers, err := h.layers.List()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, l := range layers {
		if !used[l.Key] {
			h.t.Errorf("system layer %s is left, and nobody's", l.Key)
		}
	}
	for digest := range h.images {
		if !used[digest] {
			h.t.Errorf("image %s is left, and nobody's", digest)
		}
	}
}
