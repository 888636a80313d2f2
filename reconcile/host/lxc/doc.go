// Package lxc speaks to liblxc: it renders the configuration of a container,
// starts, stops and freezes it, runs commands inside, changes its limits and
// host name, and reads what its init really has. It knows nothing of
// generations, root filesystems and networks beyond the text that describes
// them, keeps no state of its own, and never follows a path inside a
// container.
package lxc
