package apply

import (
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"strake/reconcile/plan"
)

// entry is what is written down before a container's first step: all that its
// steps and their undoing need.
type entry struct {
	Run  Run                `json:"run"`
	Plan plan.ContainerPlan `json:"plan"`
}

// begin writes the journal, and makes the container's folder around it.
func (t *task) begin() error {
	text, err := json.Marshal(entry{t.run, t.c})
	if err != nil {
		return fmt.Errorf("write journal of %s: %w", t.at, err)
	}
	return t.host.Store.SetJournal(t.at, text)
}

// unfinished reads the journal of a run that was cut short.
func unfinished(s store, container string) (entry, error) {
	var e entry
	text, err := s.Journal(container)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, fmt.Errorf("read journal of %s: %w", container, err)
	}
	return e, nil
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
