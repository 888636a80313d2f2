package egress

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Suggestion is what a list would have to hold.
type Suggestion struct {
	Allow []string // sorted
	Ports []int    // sorted
}

// Suggest makes the smallest list that lets through what report mode saw, and
// nothing that it did not see: no domain stands for several hosts. What is
// malformed is left out, and so is what no list should hold: addresses of the
// host, of links and of clouds' metadata.
func Suggest(seen []Attempt) Suggestion {
	var s Suggestion
	for _, a := range seen {
		if a.Verdict != Reported || a.Host == "" {
			continue
		}
		s.Allow = append(s.Allow, a.Host)
		s.Ports = append(s.Ports, a.Port)
		if to, err := netip.ParseAddr(a.Address); err == nil && kindOf(to) == private {
			s.Allow = append(s.Allow, to.String()) // a name alone does not open it
		}
	}
	slices.SortFunc(s.Allow, byDomain)
	slices.Sort(s.Ports)
	s.Allow, s.Ports = slices.Compact(s.Allow), slices.Compact(s.Ports)
	return s
}

// byDomain puts hosts of one domain together.
func byDomain(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	slices.Reverse(x)
	slices.Reverse(y)
	return cmp.Or(slices.Compare(x, y), cmp.Compare(a, b))
}
