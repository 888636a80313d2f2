//go:build linux && !cgo

package rootfs

import (
	"errors"
	"os"

	"strake/reconcile/resource"
)

// newSpace fails: see space.c.
func newSpace(resource.IDMap) (*os.File, error) {
	return nil, errors.New("this strake was built without cgo")
}
