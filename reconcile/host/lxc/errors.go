package lxc

import (
	"errors"

	"strake/reconcile/resource"
)

var (
	// ErrNotRunning: what was asked needs an init, and there is none.
	ErrNotRunning = resource.ErrNotRunning
	// ErrRunning: a start of what runs already.
	ErrRunning = resource.ErrRunning
	// ErrUndefined: there is no configuration by that name.
	ErrUndefined = resource.ErrUndefined
	// ErrKilled: a stop had to kill, because init did not end in time. The
	// container is stopped.
	ErrKilled = resource.ErrKilled
	// ErrNoLiblxc: this binary was built without cgo.
	ErrNoLiblxc = errors.New("built without liblxc (CGO_ENABLED=0)")
	// ErrName: no name that liblxc may be given: empty, a dot name, or a path.
	ErrName = errors.New("not a container name")
)
