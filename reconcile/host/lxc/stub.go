//go:build linux && !cgo

package lxc

import (
	"context"
	"time"

	"strake/reconcile/resource"
)

// Open fails.
func Open(Options) (*Runtime, error) { return nil, ErrNoLiblxc }

// Version is empty.
func (*Runtime) Version() string { return "" }

// States fails.
func (*Runtime) States(context.Context) (map[string]resource.State, error) {
	return nil, ErrNoLiblxc
}

// WatchInits fails.
func (*Runtime) WatchInits(context.Context, func(resource.Notice)) (func(context.Context, []string) ([]resource.Process, error), error) {
	return nil, ErrNoLiblxc
}

// Inspect fails.
func (*Runtime) Inspect(context.Context, string, []string) (Live, error) {
	return Live{}, ErrNoLiblxc
}

// Start fails.
func (*Runtime) Start(context.Context, string) error { return ErrNoLiblxc }

// Stop fails.
func (*Runtime) Stop(context.Context, string, time.Duration) error { return ErrNoLiblxc }

// Kill fails.
func (*Runtime) Kill(context.Context, string) error { return ErrNoLiblxc }

// Freeze fails.
func (*Runtime) Freeze(context.Context, string) error { return ErrNoLiblxc }

// Unfreeze fails.
func (*Runtime) Unfreeze(context.Context, string) error { return ErrNoLiblxc }

// SetLimits fails.
func (*Runtime) SetLimits(context.Context, string, resource.Limits, resource.Limits) error {
	return ErrNoLiblxc
}

// SetHostname fails.
func (*Runtime) SetHostname(context.Context, string, string) error { return ErrNoLiblxc }

// Run fails.
func (*Runtime) Run(context.Context, string, Command) (int, error) { return 0, ErrNoLiblxc }

// Exec fails.
func (*Runtime) Exec(context.Context, string, map[string]string, []string) (int, string, error) {
	return 0, "", ErrNoLiblxc
}

// Killed fails.
func (*Runtime) Killed(context.Context, string) (int, error) { return 0, ErrNoLiblxc }

// Check fails.
func (*Runtime) Check(string) error { return ErrNoLiblxc }

// Printed fails.
func (*Runtime) Printed(string, []string) (map[string]string, error) { return nil, ErrNoLiblxc }

// Definition fails.
func (*Runtime) Definition(string) (resource.Definition, bool, error) {
	return resource.Definition{}, false, ErrNoLiblxc
}

// Foreign fails.
func (*Runtime) Foreign(string) (resource.Foreign, error) { return resource.Foreign{}, ErrNoLiblxc }

// Elsewhere fails.
func (*Runtime) Elsewhere() ([][]resource.Line, error) { return nil, ErrNoLiblxc }

// Define fails.
func (*Runtime) Define(string, resource.Definition) error { return ErrNoLiblxc }

// Undefine fails.
func (*Runtime) Undefine(string) error { return ErrNoLiblxc }

// Reload fails.
func (*Runtime) Warm(context.Context)                 {}
func (*Runtime) Reload(context.Context, string) error { return ErrNoLiblxc }

// Tell fails.
func (*Runtime) Tell(context.Context, string, string, string) error { return ErrNoLiblxc }

// ReloadResolver fails.
func (*Runtime) ReloadResolver(context.Context, string) error { return ErrNoLiblxc }
