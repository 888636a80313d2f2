package generations

import (
	"strconv"
	"strings"
	"testing"
)

// history reads "a1 a2 a3! r2 s3 c1": apply, rollback, switch, recover; "!"
// is a failure.
func history(text string) []Activation {
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
		usable := func(n int) bool {
			for _, d := range c.deleted {
				if d == n {
					return false
				}
			}
			return true
		}
		got, ok := back(history(c.history), c.current, usable)
		if got != c.want || ok != (c.want != 0) {
			t.Errorf("%s: back to %d (%v), want %d", c.name, got, ok, c.want)
		}
	}
}

// TestBackEnds goes back until there is no way: it never comes to where it
// was, whatever happened before.
func TestBackEnds(t *testing.T) {
	acts := history("a1 a2 s1 a3 r2 s3 a4! a5 s1 r5 a6")
	current, seen := 6, map[int]bool{6: true}
	for range acts {
		n, ok := back(acts, current, func(int) bool { return true })
		if !ok {
			return
		}
		acts = append(acts, Activation{Generation: n, Kind: Rollback, Outcome: Healthy})
		current = n
		seen[n] = true
	}
	t.Errorf("still going back, at %d, seen %v", current, seen)
}

func TestBackReadsTheFolder(t *testing.T) {
	b := written(t, 1, 2, 3)
	for _, a := range history("a1 a2 a3") {
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
