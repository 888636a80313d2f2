package filter

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"strake/reconcile/resource"
)

// everything has elements in all sets.
func everything() resource.Guard {
	g := sample()
	g.Proxied = []string{"sttb1"}
	g.NICs[0].Publish = []resource.Publish{{Port: 8080, To: 80, Protocol: "tcp"}, {Port: 53, To: 5353, Protocol: "both"}}
	g.NICs[0].Prefixes = []string{"10.77.0.0/20", "10.78.0.1/32", "fd77::/52", "fd78::1/128"}
	g.NICs[7].IPv6 = ""
	g.Networks[1].NAT, g.Networks[1].NATThrough = true, "wan0"
	for i, f := range []resource.Filter{all(), {MAC: true}, all()} {
		n := g.NICs[0]
		n.Type, n.Bridge, n.Parent, n.Device, n.Filter, n.Publish = "routed", "", "sttp", []string{"sttr1", "sttr2", "sttr3"}[i], f, nil
		g.NICs = append(g.NICs, n)
	}
	last := &g.NICs[len(g.NICs)-1]
	last.IPv4, last.IPv6, last.Prefixes = "", "", nil
	return g
}

// Elements reach the kernel in two ways: as text with new rules, as bytes
// without. What nft lists of both is the same to the letter.
func TestBytesAreWhatTextIs(t *testing.T) {
	f := opened(t)
	e, err := entriesOf(everything())
	check(t, err)
	for _, s := range sets() {
		if len(e[s.name]) == 0 && s.name != about {
			t.Errorf("the guard has nothing for set %s", s.name)
		}
	}
	list := func() string {
		parts := strings.FieldsFunc(run(t, "nft", "list", "ruleset"), func(r rune) bool { return r == '\n' || r == ',' || r == '\t' })
		for i := range parts {
			parts[i] = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(parts[i]), "elements = {"))
			parts[i] = strings.TrimSpace(strings.TrimSuffix(parts[i], " }"))
		}
		slices.Sort(parts)
		return strings.Join(parts, "\n")
	}
	_, err = f.rewrite(t.Context(), e)
	check(t, err)
	text := list()
	check(t, f.Remove(t.Context()))
	check(t, f.Set(t.Context(), everything()))
	if bytes := list(); bytes != text {
		t.Errorf("as bytes:\n%s\nas text:\n%s", bytes, text)
	}
	check(t, f.Set(t.Context(), sample())) // what goes, goes as bytes, too
	fresh := Open(Options{Table: f.table, Lock: filepath.Join(t.TempDir(), "lock")})
	expect(t, fresh, sample())
}

// One element that can't be is enough, and it is said which set it was for.
func TestBatchIsAllOrNothing(t *testing.T) {
	f := opened(t)
	check(t, f.Set(t.Context(), sample()))
	have, err := f.look(t.Context())
	check(t, err)
	want := maps.Clone(have.entries)
	want[free4] = nil
	have.entries[net4s] = map[string]element{`"sttx1" . 10.3.0.0/16`: {}} // it is not there
	if err := f.step(have, want); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "set net4s") {
		t.Errorf("what is not there was deleted: %v", err)
	}
	expect(t, Open(Options{Table: f.table, Lock: filepath.Join(t.TempDir(), "lock")}), sample())
}
