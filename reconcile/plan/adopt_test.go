package plan

import (
	"slices"
	"testing"

	"strake/reconcile/resource"
)

// TestAdoption: a container that is as its text says is taken over without a
// step that it would notice; what differs shows as a change.
func TestAdoption(t *testing.T) {
	found := resource.Container{
		Name: "c", Hostname: "c", Running: true, Image: resource.Image{Source: "adopted:dir:/srv/c"},
		Environment: map[string]string{"A": "1"}, Raw: map[string]string{"lxc.tty.max": "4"},
	}
	have := running(found)
	want := found
	s := Subject{Name: "c", Want: &want, Found: &found, Have: have, Next: 1}
	c := Compute(Input{Subjects: []Subject{s}}).Containers[0]
	var steps []Kind
	for _, step := range c.Steps {
		steps = append(steps, step.Do)
	}
	if c.Action != Adopt || len(c.Changes) > 0 || c.To != 1 || c.Last != nil || !slices.Equal(steps, []Kind{DoRecord, DoKeep, DoSwitch, DoConfig}) {
		t.Errorf("%+v", c)
	}
	other := found
	other.Hostname, other.Environment = "other", map[string]string{"A": "2"}
	s.Want = &other
	c = Compute(Input{Subjects: []Subject{s}}).Containers[0]
	if c.Action != Adopt || len(c.Changes) != 2 || c.Changes[1].Impact.String() != "restart" {
		t.Errorf("%+v", c.Changes)
	}
}
