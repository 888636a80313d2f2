package apply

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"strake/generations"
	"strake/reconcile/plan"
	"strake/reconcile/state"
)

// entry is what is written down before a container's first step: all that its
// steps and their undoing need.
type entry struct {
	Run  Run                `json:"run"`
	Plan plan.ContainerPlan `json:"plan"`

	Canary bool `json:"canary,omitempty"` // it goes first of its group
}

// begin writes the journal, and makes the container's folder around it.
func (t *task) begin() error {
	text, err := json.Marshal(entry{t.run, t.c, t.canary})
	if err != nil {
		return fmt.Errorf("write journal of %s: %w", t.at, err)
	}
	return t.host.Store.SetJournal(t.at, text)
}

// unfinished reads the journal of a run that was cut short.
func unfinished(s store, container string) (entry, error) {
	text, err := s.Journal(container)
	if err != nil {
		return entry{}, err
	}
	if len(bytes.Trim(text, "\x00")) == 0 {
		return entry{}, errLost
	}
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("read journal of %s: %w", container, err)
	}
	if err := e.check(container); err != nil {
		return e, fmt.Errorf("read journal of %s: %w", container, err)
	}
	if e.Plan.Last == nil && usedBefore(s.Book(container), e.Run.ID) {
		return e, fmt.Errorf("read journal of %s: it says that the container is new, which has generations in use", container)
	}
	return e, nil
}

// errLost: the journal never got to the disk. Its host lost its power, and all
// that ran with it: there is nothing to undo.
var errLost = errors.New("the journal is empty")

// check holds that the way back stays within what is the container's: a
// journal that the disk damaged must lead nowhere else.
func (e entry) check(container string) error {
	c := e.Plan
	switch {
	case c.Name != container && c.Was != container:
		return fmt.Errorf("it is about %q", c.Name)
	case !state.Plain(c.Name), c.Was != "" && !state.Plain(c.Was), !state.Plain(e.Run.ID):
		return fmt.Errorf("bad names %q, %q, %q", c.Name, c.Was, e.Run.ID)
	case c.From < 0, c.To < 0, c.Last != nil && c.From == 0:
		return fmt.Errorf("generations %d and %d", c.From, c.To)
	}
	for _, s := range c.Steps {
		switch s.Do {
		case plan.DoStop, plan.DoUnmount, plan.DoRetire:
		case plan.DoCopy, plan.DoPoint:
			if c.Point == nil || c.Point.Number < 1 || len(c.Point.Layers) == 0 || c.Last == nil || len(c.Last.Writable) == 0 {
				return fmt.Errorf("step %q of nothing", s.Do)
			}
		case plan.DoReset:
			if c.Reset == nil || c.Last == nil {
				return fmt.Errorf("step %q of nothing", s.Do)
			}
		default:
			if c.Want == nil {
				return fmt.Errorf("step %q to nothing", s.Do)
			}
		}
	}
	return nil
}

// usedBefore says whether a generation of the container was ever in use, but for
// what this run itself wrote down at its end.
func usedBefore(b *generations.Book, run string) bool {
	list, _ := b.Activations() // what is damaged tells nothing
	return slices.ContainsFunc(list, func(a generations.Activation) bool { return a.Outcome == generations.Healthy && a.Run != run })
}

// Crash kills the process at its At-th journalled moment: how tests die
// anywhere. The zero Crash never does.
type Crash struct {
	At   int64
	seen atomic.Int64
}

// Point is one moment at which a crash may strike.
func (c *Crash) Point() {
	if c != nil && c.At > 0 && c.seen.Add(1) == c.At {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
