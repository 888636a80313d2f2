package reconcile

import (
	"errors"
	"strings"
	"testing"

	"strake/reconcile/resource"
	"strake/spec"
)

// A kernel that was booted since may not tell VLANs apart any more. No way back
// leads to a generation with one there, and none is begun.
func TestNoWayBackToVLAN(t *testing.T) {
	b, ctx := newBench(t), t.Context()
	one := web(container("c1", func(c *spec.Container) { c.NICs[0].VLAN = 7 }))
	b.apply(one)
	two := web(container("c1"))
	b.apply(two)
	refused := map[string]func() error{
		"rollback": func() error { _, err := b.Rollback(ctx, Target{Container: "c1"}, how); return err },
		"switch":   func() error { _, err := b.Switch(ctx, Target{Container: "c1", Generation: 1}, how); return err },
		"rollback of the stack": func() error {
			_, err := b.RollbackStack(ctx, StackTarget{Stack: "web"}, how)
			return err
		},
	}
	b.host.Fail["Tags lan"] = resource.ErrNoVLAN
	for what, f := range refused {
		err := f()
		if !errors.Is(err, ErrInvalid) || !errors.Is(err, resource.ErrNoVLAN) || !strings.Contains(err.Error(), "container c1: nic eth0: vlan 7") {
			t.Errorf("%s: %v", what, err)
		}
		b.settled(two)
	}
	clear(b.host.Fail)
	if err := refused["rollback"](); err != nil {
		t.Fatal(err)
	}
	b.settled(one)
}
