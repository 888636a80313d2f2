package hosttest

import "strake/reconcile/resource"

// Foreign knows of no container that strake did not make.
func (h *Host) Foreign(string) (resource.Foreign, error) {
	return resource.Foreign{}, resource.ErrUndefined
}
