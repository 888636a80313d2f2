package plan

import (
	"fmt"
	"strconv"

	"strake/reconcile/resource"
	"strake/spec"
)

// VolumePlan is a volume that the text has.
type VolumePlan struct {
	Want    resource.Volume `json:"want"`
	Changes []Change        `json:"changes,omitempty"` // against what is recorded of it
}

// Volume compares a volume with what the stack's last generation says of it. Only
// its protection is a difference by itself: all else shows in those who use it.
func Volume(want resource.Volume, last *resource.Volume, pos spec.Pos) VolumePlan {
	was := last != nil && last.Protect
	v := VolumePlan{Want: want}
	if want.Protect != was {
		v.Changes = []Change{{
			Path: fmt.Sprintf("volume[%q].protect", want.Name), Old: strconv.FormatBool(was), New: strconv.FormatBool(want.Protect),
			Last: strconv.FormatBool(was), Impact: spec.Live, Cause: Changed, Pos: pos,
		}}
	}
	return v
}
