// Package reconcile is the engine: resolve, observe, plan, apply, record. It
// puts the rooms in order and does nothing itself that one of them can do.
package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"strake/generations"
	"strake/reconcile/apply"
	"strake/reconcile/diary"
	"strake/reconcile/event"
	"strake/reconcile/state"
)

// Errors that say why nothing was done.
var (
	// ErrPolicy: refused; it would be possible, but must not be.
	ErrPolicy = errors.New("refused")
	// ErrStale: what a saved plan was made for is not what is there now.
	ErrStale = errors.New("the plan is stale: something has changed since it was made; plan again")
	// ErrUnknown: there is no such container, stack or generation.
	ErrUnknown = errors.New("not known")
	// ErrChanged: something went wrong, after something was changed.
	ErrChanged = errors.New("not all was done")
	// ErrNoImage: what a container is to be made of is not to be had; nothing was changed.
	ErrNoImage = errors.New("can't be had")
	// ErrStands: a change of what is there failed before it began.
	ErrStands = errors.New("nothing was changed: what was before goes on")
	// ErrInvalid: what is wished for does not fit this host.
	ErrInvalid = errors.New("invalid configuration")
)

// Engine brings a host to what a stack says.
type Engine struct {
	Host     Host          // required
	State    *state.Dir    // required
	Self     string        // the program itself, for the hooks of containers; "": none is kept
	By       string        // who: shown in histories
	Wait     time.Duration // for the lock
	Progress func(string)  // may be nil: one line for people about what takes time
	Event    func(event.Event)
	Diary    *diary.Diary // may be nil: nothing is written down
	Watcher  func() error // starts a process that calls StandBy and outlives this one; may be nil
	Sight    *Sight       // of the process that watches; nil: everything is looked at, each time
	Crash    *apply.Crash // tests only
}

// work takes the lock, brings back what runs that were cut short had begun,
// and then works.
func (e *Engine) work(ctx context.Context, f func() error) error {
	return e.workKnown(ctx, func() error {
		e.Sight.forget()
		return f()
	})
}

// workKnown is work that says itself which containers it has to do with.
func (e *Engine) workKnown(ctx context.Context, f func() error) error {
	unlock, others, err := e.State.Lock(ctx, e.Wait)
	if err != nil {
		return err
	}
	defer unlock()
	if others {
		e.Sight.forget()
	}
	if err := e.recover(ctx); err != nil {
		return err
	}
	if err := e.finishForgetting(ctx); err != nil {
		return err
	}
	if err := e.resolve(ctx); err != nil {
		return err
	}
	return f()
}

// recover ends what was cut short. Where something was, the firewall may be
// wider than it should be, and a bridge may be there for nobody.
func (e *Engine) recover(ctx context.Context) error {
	if err := e.Host.Builder.Sweep(ctx); err != nil {
		return fmt.Errorf("clear what a build left: %w", err)
	}
	if e.Host.Sessions != nil {
		if err := e.Host.Sessions.Sweep(ctx); err != nil {
			return fmt.Errorf("clear what a debug session left: %w", err)
		}
	}
	names, err := apply.Recover(ctx, e.acting(), e.Crash)
	for _, name := range names {
		e.progress("undid an interrupted run of " + name)
		e.Tell(event.Event{Kind: event.Container, Outcome: event.Undone, Container: name, Message: "an interrupted run"})
		e.Sight.forget(name)
	}
	if err != nil || len(names) == 0 && !e.State.Interrupted() {
		return err
	}
	if err := errors.Join(e.tidy(ctx), e.purge()); err != nil {
		return err
	}
	return e.State.End()
}

func (e *Engine) progress(line string) {
	if e.Progress != nil {
		e.Progress(line)
	}
}

// Tell writes an event into the diary and passes it on. What can't be written
// keeps no run from its work, and is said once.
func (e *Engine) Tell(ev event.Event) {
	ev = ev.Sealed(time.Now())
	if e.Diary != nil {
		if err := e.Diary.Append(ev); err != nil {
			e.progress(err.Error())
		}
	}
	if e.Event != nil {
		e.Event(ev)
	}
}

// told tells how a command that is one step ended, and returns its error.
func (e *Engine) told(command, container string, err error) error {
	ev := event.Event{Kind: event.Run, Outcome: event.Done, Command: command, Container: container, By: e.By}
	if err != nil {
		ev.Outcome, ev.Error = event.Failed, err.Error()
	}
	e.Tell(ev)
	return err
}

// run is a new attempt.
func (e *Engine) run(kind generations.Kind, stack string) apply.Run {
	return apply.Run{ID: runID(), Kind: kind, Started: time.Now().UTC().Truncate(time.Millisecond), Stack: stack, By: e.By}
}

// runID sorts by time and never comes twice.
func runID() string {
	var tail [3]byte
	_, _ = rand.Read(tail[:]) // never fails
	return time.Now().UTC().Format("20060102T150405.000Z") + "-" + hex.EncodeToString(tail[:])
}

// uuid is a random one, RFC 9562 version 4.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
