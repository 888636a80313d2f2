package resource

import "errors"

// What a host refuses. Every host, real or in memory, refuses the same.
var (
	// ErrNotRunning: what was asked needs an init, and there is none.
	ErrNotRunning = errors.New("not running")
	// ErrRunning: a start of what runs already.
	ErrRunning = errors.New("already running")
	// ErrFrozen: what was asked needs processes that go on.
	ErrFrozen = errors.New("frozen: `strake unfreeze` lets it go on")
	// ErrUndefined: liblxc knows no container by that name.
	ErrUndefined = errors.New("no such container")
	// ErrKilled: a stop had to kill, because init did not end in time. The
	// container is stopped.
	ErrKilled = errors.New("did not shut down in time and was killed")
	// ErrExists: what was to be made is there already.
	ErrExists = errors.New("is there already")
	// ErrNotFound: what was to be changed or removed is not there.
	ErrNotFound = errors.New("is not there")
	// ErrMounted: something else is mounted there.
	ErrMounted = errors.New("something else is mounted there")
	// ErrNotMounted: nothing is mounted there.
	ErrNotMounted = errors.New("not mounted")
	// ErrDamaged: it is not what it was when it was put there.
	ErrDamaged = errors.New("it is damaged")
	// ErrForeign: it belongs to somebody else, and is not touched.
	ErrForeign = errors.New("belongs to somebody else")
	// ErrNoSize: this host can't hold a file system to a size.
	ErrNoSize = errors.New("this host can't bound a file system")
	// ErrNoVLAN: bridges of this host can't tell VLANs apart.
	ErrNoVLAN = errors.New("the kernel of this host can't tell VLANs apart on a bridge (it is built without CONFIG_BRIDGE_VLAN_FILTERING)")
)
