package cli

import (
	"errors"
	"fmt"
	"testing"

	"strake/generations"
	"strake/reconcile"
	"strake/reconcile/apply"
	"strake/reconcile/state"
	"strake/spec"
	"strake/spec/source"
)

func TestCode(t *testing.T) {
	other := errors.New("disk full")
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{other, 1},
		{reconcile.ErrUnknown, 1},
		{exitCode(2), 2},
		{exitCode(137), 137},
		{errInvalid, 3},
		{reconcile.ErrInvalid, 3},
		{source.ErrNotText, 3},
		{spec.Diagnostics{{Severity: spec.Error}}, 3},
		{apply.ErrRolledBack, 4},
		{apply.ErrStuck, 5},
		{state.ErrBusy, 6},
		{reconcile.ErrStale, 7},
		{reconcile.ErrPolicy, 8},
		{generations.ErrPinned, 8},
		{generations.ErrCurrent, 8},
		{errApproval, 9},
		{usage("no"), 64},
		// The most severe of a run wins: 5 > 4 > 8 > 1.
		{errors.Join(other, reconcile.ErrPolicy, apply.ErrRolledBack, apply.ErrStuck), 5},
		{errors.Join(other, reconcile.ErrPolicy, apply.ErrRolledBack), 4},
		{errors.Join(other, reconcile.ErrPolicy), 8},
	} {
		if have := Code(c.err); have != c.code {
			t.Errorf("code of %v is %d, want %d", c.err, have, c.code)
		}
		if c.err == nil {
			continue
		}
		if have := Code(fmt.Errorf("apply web: %w", c.err)); have != c.code {
			t.Errorf("code of wrapped %v is %d, want %d", c.err, have, c.code)
		}
	}
}
