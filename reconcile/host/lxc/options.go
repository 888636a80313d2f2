//go:build linux

package lxc

import "strings"

// Options say where the containers are.
type Options struct {
	Path string // required: the LXC path, absolute
}

// Runtime is liblxc on one LXC path. It is safe for use by several goroutines.
// Without cgo there is none: Open fails with ErrNoLiblxc.
type Runtime struct {
	path    string
	cgroups cgroups
}

func checkName(name string) error {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "/\x00\n") {
		return ErrName
	}
	return nil
}
