package spec_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"strake/spec"
)

// says tells whether some problem has the text in its summary.
func says(list []spec.Problem, text string) bool {
	for _, p := range list {
		if strings.Contains(p.Summary, text) {
			return true
		}
	}
	return false
}

func TestNames(t *testing.T) {
	rule := regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	letters := []rune("ab09-._ Aé/\x00")
	for range 20000 {
		name := make([]rune, rand.IntN(5)+rand.IntN(2)*62)
		for i := range name {
			name[i] = letters[rand.IntN(4+rand.IntN(len(letters)-3))]
		}
		text := string(name)
		valid := rule.MatchString(text) && len(text) <= 63
		found := spec.Stack{Containers: []spec.Container{{Name: text}}}.Problems()
		if valid != (len(found) == 0) {
			t.Fatalf("%q: valid %v, found %v", text, valid, found)
		}
	}
}

// TestOverlaps compares with each pair looked at by itself.
func TestOverlaps(t *testing.T) {
	for range 3000 {
		var s spec.Stack
		var prefixes []netip.Prefix
		for i := range 1 + rand.IntN(6) {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(rand.IntN(4)), byte(rand.IntN(4) * 64), 1}), 8+rand.IntN(18))
			prefixes = append(prefixes, p)
			s.Networks = append(s.Networks, spec.Network{Name: fmt.Sprint("n", i), IPv4: p.String()})
		}
		want := false
		for i := range prefixes {
			for j := range i {
				want = want || prefixes[i].Overlaps(prefixes[j])
			}
		}
		if got := says(s.Problems(), "overlaps"); got != want {
			t.Fatalf("%v: found %v, is %v", prefixes, got, want)
		}
	}
}

// TestCycles compares with the transitive closure.
func TestCycles(t *testing.T) {
	for range 3000 {
		const n = 5
		var reach [n][n]bool
		s := spec.Stack{Containers: make([]spec.Container, n)}
		for i := range n {
			s.Containers[i].Name = fmt.Sprint("c", i)
			for j := range n {
				if rand.IntN(6) == 0 {
					reach[i][j] = true
					s.Containers[i].DependsOn = append(s.Containers[i].DependsOn, fmt.Sprint("c", j))
				}
			}
		}
		for k := range n {
			for i := range n {
				for j := range n {
					reach[i][j] = reach[i][j] || reach[i][k] && reach[k][j]
				}
			}
		}
		want := false
		for i := range n {
			want = want || reach[i][i]
		}
		if got := says(s.Problems(), "cycle"); got != want {
			t.Fatalf("%+v: found %v, is %v", s.Containers, got, want)
		}
	}
}

// TestAddresses compares with the last octet that a host can have.
func TestAddresses(t *testing.T) {
	network := spec.Network{Name: "n", IPv4: "10.0.0.1/28"}
	for last := range 256 {
		c := spec.Container{Name: "a", NICs: []spec.NIC{{Name: "eth0", Network: "n", IPv4: fmt.Sprint("10.0.0.", last)}}}
		found := spec.Stack{Networks: []spec.Network{network}, Containers: []spec.Container{c}}.Problems()
		if valid := last > 1 && last < 15; valid != (len(found) == 0) {
			t.Errorf("10.0.0.%d: %v", last, found)
		}
	}
}

func TestUnknown(t *testing.T) {
	s := spec.Stack{Containers: []spec.Container{{Name: "a", DependsOn: []string{"b"}, NICs: []spec.NIC{{Name: "eth0", Network: "n"}}}, {Name: "a"}}}
	for _, want := range []string{`container "b", which is not there`, `there is no network "n"`, "two of that name"} {
		if !says(s.Problems(), want) {
			t.Errorf("nothing says %q: %v", want, s.Problems())
		}
	}
}

func TestPattern(t *testing.T) {
	for path, want := range map[string]string{
		"limits.memory": "limits.memory", `nic["eth0"].ipv4`: `nic["*"].ipv4`, `raw["lxc.x"]`: `raw["*"]`, `mount["/a\"]b"].source`: `mount["*"].source`,
	} {
		if got := spec.Pattern(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestCaret(t *testing.T) {
	d := spec.Diagnostic{Severity: spec.Error, Summary: "s", Detail: "d", Source: "\tab = 1", Pos: spec.Pos{File: "f", Line: 2, Column: 2}, End: spec.Pos{File: "f", Line: 2, Column: 4}}
	want := "error: s\n  f:2:2\n      2 |  ab = 1\n        |  ^^\n  d\n"
	if d.String() != want {
		t.Errorf("%q", d.String())
	}
}
