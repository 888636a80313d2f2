package cli

import (
	"errors"
	"fmt"
	"strconv"

	"strake/generations"
	"strake/reconcile"
	"strake/reconcile/apply"
	"strake/reconcile/state"
	"strake/spec"
	"strake/spec/source"
)

// errApproval: somebody has to agree first, and nobody did.
var errApproval = errors.New("not approved")

// errInvalid: the text can't be used.
var errInvalid = errors.New("invalid")

// usageError says what is wrong with the command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usage(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitCode ends strake without a word more.
type exitCode int

func (c exitCode) Error() string { return "exit " + strconv.Itoa(int(c)) }

const (
	failedCode    = 1
	differentCode = 2
	usageCode     = 64
)

// codes is the table of exit codes, the most severe first: of several errors
// the first that is found here counts.
func codes() []struct {
	code int
	is   []error
} {
	return []struct {
		code int
		is   []error
	}{
		{5, []error{apply.ErrStuck}},
		{4, []error{apply.ErrRolledBack}},
		{8, []error{reconcile.ErrPolicy, generations.ErrPinned, generations.ErrCurrent}},
		{7, []error{reconcile.ErrStale}},
		{6, []error{state.ErrBusy}},
		{9, []error{errApproval}},
		{3, []error{errInvalid, reconcile.ErrInvalid, source.ErrEmpty, source.ErrNotRegular, source.ErrNotText, source.ErrTooLarge, source.ErrOutside}},
	}
}

// Code is the exit code of an error; 0 for none.
func Code(err error) int {
	if err == nil {
		return 0
	}
	var code exitCode
	if errors.As(err, &code) {
		return int(code)
	}
	for _, row := range codes() {
		for _, is := range row.is {
			if errors.Is(err, is) {
				return row.code
			}
		}
	}
	var ds spec.Diagnostics
	if errors.As(err, &ds) {
		return 3
	}
	var u usageError
	if errors.As(err, &u) {
		return usageCode
	}
	return failedCode
}
