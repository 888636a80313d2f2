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
