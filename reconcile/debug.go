package reconcile

import (
	"context"
	"errors"
	"fmt"

	"strake/generations"
	"strake/reconcile/resource"
)

// sessions are containers in which somebody looks at what a generation wrote.
type sessions interface {
	Sweep(ctx context.Context) error // clears those that were cut short
}

// Wrote is a generation of a container, and where what it wrote lies: the top
// layer first. It is there until gc takes it. Errors: ErrUnknown, ErrPolicy.
func (e *Engine) Wrote(name string, generation int) (resource.Container, []string, error) {
	if _, err := e.current(name); err != nil {
		return resource.Container{}, nil, err
	}
	c, err := e.State.Desired(name, generation)
	if errors.Is(err, generations.ErrNone) {
		return c, nil, fmt.Errorf("%w: container %s has no generation %d; `strake list-generations %s` shows them", ErrUnknown, name, generation, name)
	}
	if err != nil {
		return c, nil, fmt.Errorf("container %s: %w", name, err)
	}
	if c.Image.Adopted() {
		return c, nil, fmt.Errorf("%w: container %s has a root filesystem of its own, which strake does not manage", ErrPolicy, name)
	}
	paths, err := e.Host.Roots.Written(resource.RootOf(c))
	return c, paths, err
}
