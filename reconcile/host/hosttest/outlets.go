package hosttest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"strake/reconcile/resource"
)

// Outlets are the ways out of a host's containers.
type Outlets struct{ h *Host }

// Outlets are the host's.
func (h *Host) Outlets() Outlets { return Outlets{h} }

// Open opens a container's way out, or gives it other rules. It ends with its
// init.
func (o Outlets) Open(_ context.Context, w resource.Outlet, _ map[string]string) error {
	o.h.mu.Lock()
	defer o.h.mu.Unlock()
	if _, err := o.h.byPID(w.Init); err != nil {
		return err
	}
	o.h.outlets[w.Container] = w
	return o.h.call("OpenOutlet", w.Container)
}

// Close ends it. One that is not there is no error.
func (o Outlets) Close(_ context.Context, container string) error {
	o.h.mu.Lock()
	defer o.h.mu.Unlock()
	delete(o.h.outlets, container)
	return o.h.call("CloseOutlet", container)
}

// Observe tells those whose init is there.
func (o Outlets) Observe(context.Context) ([]resource.Outlet, error) {
	o.h.mu.Lock()
	defer o.h.mu.Unlock()
	maps.DeleteFunc(o.h.outlets, func(_ string, w resource.Outlet) bool { _, err := o.h.byPID(w.Init); return err != nil })
	return slices.SortedFunc(maps.Values(o.h.outlets), func(a, b resource.Outlet) int { return cmp.Compare(a.Container, b.Container) }), nil
}

// Listens says what of it does: all.
func (o Outlets) Listens(w resource.Outlet) (resource.Outlet, error) { return w, nil }
