package plan

import (
	"slices"

	"strake/reconcile/resource"
	"strake/spec"
)

// Later is a setting that is understood and planned, but that nothing carries
// out yet: a plan that has one is refused as a whole.
type Later struct {
	Path string   `json:"path"`
	Pos  spec.Pos `json:"pos,omitzero"`
}

// later finds them in all that is wanted, not in what differs: a setting that
// is ignored or held would else be passed over.
func (t comparer) later(s Subject) []Later {
	var list []Later
	for _, w := range s.Want.Settings() {
		if t.key(w.Path).Waits(w.Value) {
			list = append(list, Later{w.Path, positionOf(s, w.Path)})
		}
	}
	return list
}

func networkLater(want []resource.Setting, n NetworkSubject) []Later {
	var list []Later
	for _, w := range want {
		for _, k := range spec.NetworkKeys() {
			if k.Path == w.Path && k.Waits(w.Value) {
				list = append(list, Later{w.Path, n.position(w.Path)})
			}
		}
	}
	return list
}

// position is where a setting of the network was written, or its block.
func (n NetworkSubject) position(path string) spec.Pos {
	if at, ok := n.At[path]; ok {
		return at
	}
	return n.Pos
}

// Waits says whether the setting is one that is refused.
func Waits(list []Later, path string) bool {
	return slices.ContainsFunc(list, func(l Later) bool { return l.Path == path })
}
