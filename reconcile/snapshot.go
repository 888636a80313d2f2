package reconcile

import (
	"context"
	"fmt"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// Snapshot is a point of a container's data that is made by hand.
type Snapshot struct {
	Container string
	Label     string
	Live      bool // of a copy, without a stop: what is written meanwhile may be in it, or not
}

// Snapshot records one as a generation. Without Live the container is stopped
// for as long as a restart takes.
func (e *Engine) Snapshot(ctx context.Context, s Snapshot, how How) (Outcome, error) {
	return e.carry(ctx, generations.Snapshot, how, func() (plan.Plan, error) { return e.planSnapshot(ctx, s) })
}

func (e *Engine) planSnapshot(ctx context.Context, s Snapshot) (plan.Plan, error) {
	in, err := e.look(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	st, ok := in.standing[s.Container]
	switch {
	case !ok:
		return plan.Plan{}, fmt.Errorf("%w: no container %q", ErrUnknown, s.Container)
	case st.Container.Image.Adopted():
		return plan.Plan{}, fmt.Errorf("%w: container %s has a root filesystem of its own, which strake does not manage", ErrPolicy, s.Container)
	case st.Container.Rootfs.Ephemeral:
		return plan.Plan{}, fmt.Errorf("%w: container %s begins with nothing at each start (rootfs.ephemeral): no way leads back to a snapshot of it", ErrPolicy, s.Container)
	case len(st.Record.Pending) > 0:
		return plan.Plan{}, fmt.Errorf("%w: changes of %s wait for a restart, and its data with them; `strake restart %s` first", ErrPolicy, s.Container, s.Container)
	}
	p, err := e.planSwitches(ctx, in, []Target{{Container: s.Container, Generation: st.Generation, point: &plan.Point{Live: s.Live}}}, nil)
	p.Message = s.Label
	return p, err
}

// DiffRootfs lists what the writable layers of a container changed against
// what they lie on.
func (e *Engine) DiffRootfs(ctx context.Context, name string) ([]resource.FileChange, error) {
	c, err := e.current(name)
	if err != nil {
		return nil, err
	}
	if c.Image.Adopted() {
		return nil, fmt.Errorf("%w: container %s has a root filesystem of its own, which strake does not manage", ErrPolicy, name)
	}
	whole := resource.RootOf(c)
	below := whole
	below.Writable = nil
	return e.Host.Roots.Differ(ctx, below, whole)
}
