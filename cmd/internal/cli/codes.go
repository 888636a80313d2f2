package cli

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"strake/cmd/internal/agent"
	"strake/cmd/internal/config"
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
var errInvalid = config.ErrInvalid

// errNotRoot: nobody else may change a host.
var errNotRoot = errors.New("must be root; try sudo")

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
	invalidCode   = 3
	usageCode     = 64
)

// code is one row of the table of exit codes.
type code struct {
	number  int
	meaning string
	is      []error // any of them means it
}

// codes is the table, the most severe first: of several errors the first that
// is found here counts. 0 is success, 1 any other error, 2 a difference that
// was asked about, and `run` passes on its command's code.
func codes() []code {
	return []code{
		{5, "apply failed, and so did the way back", []error{apply.ErrStuck}},
		{4, "apply failed; what was before is back", []error{apply.ErrRolledBack, apply.ErrUnhealthy, reconcile.ErrUnconfirmed, reconcile.ErrStands}},
		{8, "refused by policy", []error{reconcile.ErrPolicy, generations.ErrPinned, generations.ErrCurrent}},
		{7, "the saved plan is stale", []error{reconcile.ErrStale}},
		{6, "another strake holds the lock, or is the agent", []error{state.ErrBusy}},
		{9, "not approved", []error{errApproval, agent.ErrWaiting}},
		{failedCode, "an error", []error{reconcile.ErrChanged}},
		{invalidCode, "the configuration is invalid, or can't be carried out here; nothing was changed", []error{
			errInvalid, reconcile.ErrInvalid, reconcile.ErrNoImage, errNotRoot, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS,
			source.ErrEmpty, source.ErrNotRegular, source.ErrNotText, source.ErrTooLarge, source.ErrOutside,
		}},
	}
}

// codeHelp is the table for people, by number.
func codeHelp() string {
	meanings := map[int]string{0: "all is well", failedCode: "an error", differentCode: "something differs (--detailed-exitcode, --check, verify)", usageCode: "the command line is wrong"}
	for _, c := range codes() {
		meanings[c.number] = c.meaning
	}
	var list []string
	for _, n := range slices.Sorted(maps.Keys(meanings)) {
		list = append(list, fmt.Sprintf("%d %s", n, meanings[n]))
	}
	return strings.Join(list, "; ") + "."
}

// Code is the exit code of an error; 0 for none.
func Code(err error) int {
	if err == nil {
		return 0
	}
	var exit exitCode
	if errors.As(err, &exit) {
		return int(exit)
	}
	for _, row := range codes() {
		for _, is := range row.is {
			if errors.Is(err, is) {
				return row.number
			}
		}
	}
	var ds spec.Diagnostics
	if errors.As(err, &ds) {
		return invalidCode
	}
	var u usageError
	if errors.As(err, &u) {
		return usageCode
	}
	return failedCode
}
