package plan

import (
	"testing"

	"strake/reconcile/resource"
)

// Others of a group wait for a canary that was rejected, and for that alone.
func TestRejectedCanaryHoldsItsGroup(t *testing.T) {
	of := func(name, group string) Subject {
		want := resource.Container{Name: name}
		return Subject{Name: name, Group: group, Want: &want, UUID: name, Next: 1}
	}
	onHold := func(s Subject, canary bool) Subject {
		s.Held, s.HeldWhy, s.Canary = []string{HoldDigest(*s.Want)}, "unhealthy", canary
		return s
	}
	anew := onHold(of("a", "g"), true)
	anew.Held = []string{"another text"}
	gone := of("b", "g")
	gone.Last, gone.Want = gone.Want, nil
	for name, test := range map[string]struct {
		a, b Subject
		held bool
	}{
		"rejected canary":         {onHold(of("a", "g"), true), of("b", "g"), true},
		"other group":             {onHold(of("a", "g"), true), of("b", "h"), false},
		"no group":                {onHold(of("a", ""), true), of("b", ""), false},
		"rejected, but no canary": {onHold(of("a", "g"), false), of("b", "g"), false},
		"another text":            {anew, of("b", "g"), false},
		"left the text":           {onHold(of("a", "g"), true), gone, false},
	} {
		p := Compute(Input{Subjects: []Subject{test.a, test.b}})
		b := p.Containers[1]
		if held := b.Action == Held && b.Behind == "a"; held != test.held || held && len(b.Steps) > 0 {
			t.Errorf("%s: %s %q, %d steps", name, b.Action, b.Note, len(b.Steps))
		}
	}
}
