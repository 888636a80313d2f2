package plan

import "strake/reconcile/resource"

// Between lists what differs between two descriptions of one container, with
// the impact that each setting has.
func Between(a, b resource.Container) []Change {
	t := newComparer()
	from, to := valuesOf(&a), valuesOf(&b)
	var list []Change
	for _, path := range t.union(from, to) {
		if from[path] != to[path] {
			list = append(list, Change{Path: path, Old: from[path], New: to[path], Last: from[path], Impact: t.impact(path, &b, &a), Cause: Changed})
		}
	}
	for i := range list {
		list[i].redact()
	}
	return list
}
