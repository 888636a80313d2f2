package hosttest

import "strake/reconcile/resource"

// Foreign knows the strangers, and no other container that strake did not make.
func (h *Host) Foreign(name string) (resource.Foreign, error) {
	f, there := h.Strangers[name]
	if !there {
		return f, resource.ErrUndefined
	}
	return f, nil
}

// Elsewhere is the configurations of the others.
func (h *Host) Elsewhere() ([][]resource.Line, error) { return h.Others, nil }
