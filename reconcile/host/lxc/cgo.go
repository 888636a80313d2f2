//go:build linux && cgo

package lxc

// The helper calls liblxc itself: it runs where Go does not.

// #cgo CFLAGS: -std=gnu11 -Wall -Wextra -Werror
// #cgo pkg-config: lxc
import "C"
