package generations

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// acts reads "a1 a2 a3! r2 s3 c1": apply, rollback, switch, recover; "!"
// is a failure.
func acts(text string) []Activation {
	kinds := map[byte]Kind{'a': Apply, 'r': Rollback, 's': Switch, 'c': Recover}
	var list []Activation
	for _, word := range strings.Fields(text) {
		outcome := Healthy
		if strings.HasSuffix(word, "!") {
			outcome = Failed
		}
		n, err := strconv.Atoi(strings.TrimSuffix(word[1:], "!"))
		if err != nil {
			panic(err)
		}
		list = append(list, Activation{Generation: n, Kind: kinds[word[0]], Outcome: outcome})
	}
	return list
}

func TestBack(t *testing.T) {
	for _, c := range []struct {
		name, history string
		current       int
		deleted       []int
		want          int // 0: no way back
	}{
		{"nothing", "", 0, nil, 0},
		{"first", "a1", 1, nil, 0},
		{"second", "a1 a2", 2, nil, 1},
		{"once back", "a1 a2 a3 r2", 2, nil, 1},
		{"twice back", "a1 a2 a3 r2 r1", 1, nil, 0},
		{"back, then on", "a1 a2 a3 r2 a4", 4, nil, 2},
		{"back over several", "a1 a2 a3 a4 r1", 1, nil, 0},
		{"rollback undone by number", "a1 a2 a3 r2 r3", 3, nil, 2},
		{"rollback undone by switch", "a1 a2 a3 r2 s3", 3, nil, 2},
		{"switch to an old one", "a1 a2 a3 s1", 1, nil, 3},
		{"switch and back", "a1 a2 a3 s1 r3", 3, nil, 2},
		{"failed is skipped", "a1 a2! a3", 3, nil, 1},
		{"failed and left so", "a1 a2 a3!", 3, nil, 2},
		{"failed and returned", "a1 a2 a3! r2", 2, nil, 1},
		{"failed and recovered", "a1 a2 a3! c2", 2, nil, 1},
		{"recover finished it", "a1 a2 c3", 3, nil, 2},
		{"healthy once, failed later", "a1 a2 a3 s2! ", 3, nil, 1},
		{"failed once, healthy later", "a1 a2! s2 a3", 3, nil, 2},
		{"deleted is skipped", "a1 a2 a3", 3, []int{2}, 1},
		{"all deleted", "a1 a2 a3", 3, []int{1, 2}, 0},
		{"not to itself", "a3 a2 s3", 3, []int{2}, 0},
		{"same again is no step", "a1 a2 a2 s2", 2, nil, 1},
	} {
		got, ok := whole(c.deleted...).back(acts(c.history), c.current)
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%s: back to %d (%v), want %d", c.name, got, ok, c.want)
		}
	}
}

// whole is a history of records one to nine, but for those that were deleted.
func whole(deleted ...int) history {
	h := history{again: map[int]int{}, usable: map[int]bool{}}
	for n := 1; n < 10; n++ {
		h.usable[n] = !slices.Contains(deleted, n)
	}
	return h
}

// TestBackUnderAnotherName: a generation that repeats another one is that one,
// as far as the way back goes.
func TestBackUnderAnotherName(t *testing.T) {
	for _, c := range []struct {
		name, history string
		again         map[int]int
		current, want int
	}{
		{"renamed", "a1 a2 a3", map[int]int{3: 2}, 3, 1},
		{"renamed first", "a1 a2", map[int]int{2: 1}, 2, 0},
		{"renamed twice", "a1 a2 a3 a4", map[int]int{3: 2, 4: 3}, 4, 1},
		{"changed and renamed at once", "a1 a2 a3", nil, 3, 2},
		{"back over a rename", "a1 a2 a3 r4", map[int]int{3: 2, 4: 1}, 4, 0},
		{"back to before a change and a rename", "a1 a2 a3 r4", map[int]int{4: 2}, 4, 1},
		{"again the newest", "a1 a2 a3 s4", map[int]int{4: 1}, 4, 3},
	} {
		h := whole()
		for n, as := range c.again {
			h.again[n] = as
		}
		if got, ok := h.back(acts(c.history), c.current); got != c.want || ok != (c.want != 0) {
			t.Errorf("%s: back to %d (%v), want %d", c.name, got, ok, c.want)
		}
	}
}

// TestBackEnds goes back until there is no way: it never comes to where it
// was, whatever happened before.
func TestBackEnds(t *testing.T) {
	list := acts("a1 a2 s1 a3 r2 s3 a4! a5 s1 r5 a6")
	current, seen := 6, map[int]bool{6: true}
	for range list {
		n, ok := whole().back(list, current)
		if !ok {
			return
		}
		list = append(list, Activation{Generation: n, Kind: Rollback, Outcome: Healthy})
		current = n
		seen[n] = true
	}
	t.Errorf("still going back, at %d, seen %v", current, seen)
}

func TestBackReadsTheFolder(t *testing.T) {
	b := written(t, 1, 2, 3)
	for _, a := range acts("a1 a2 a3") {
		must(t, b.Activate(a))
	}
	must(t, b.Switch(3))
	if n, err := b.Back(); n != 2 || err != nil {
		t.Errorf("back to %d, %v", n, err)
	}
	must(t, b.Delete(2))
	if n, err := b.Back(); n != 1 || err != nil {
		t.Errorf("back to %d, %v", n, err)
	}
}
