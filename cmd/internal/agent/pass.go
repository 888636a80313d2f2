package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"strake/cmd/internal/config"
	"strake/reconcile"
	"strake/reconcile/plan"
	"strake/spec"
)

// Order is what a person says of one pass.
type Order struct {
	Commit    string // this one, instead of the newest
	Rewritten bool   // the commit need not come after the one before
	Again     bool   // what failed before is tried again
}

// Report is what came of a pass.
type Report struct {
	Plan     plan.Plan
	Outcome  reconcile.Outcome
	Standing Standing
}

// Sync does one pass of a source.
func Sync(ctx context.Context, opt Options, s spec.Source, o Order) (Report, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	a := &Agent{opt: opt}
	p := &pass{w: newWorker(a, s), order: o, now: opt.Now()}
	return p.whole(ctx)
}

// pass takes a text to the host once.
type pass struct {
	w     *worker
	order Order
	told  bool // something happened: it is no look that comes by time alone
	now   time.Time

	st     Standing
	text   text
	stack  string
	plan   plan.Plan
	out    reconcile.Outcome
	left   parts  // of the containers, what is not done
	asked  string // the run that waits for approval
	paused []string

	proving atomic.Bool // containers are being waited for
	given   atomic.Bool // up, for a newer text
}

// give gives the pass up, if all that it does is wait.
func (p *pass) give(cancel context.CancelCauseFunc) {
	if p.proving.Load() {
		p.given.Store(true)
		cancel(fmt.Errorf("%w: a newer text has come", context.Canceled))
	}
}

// whole does the pass and writes down how the source stands after it.
func (p *pass) whole(ctx context.Context) (Report, error) {
	w := p.w
	unlock, err := w.lock(ctx)
	if err != nil {
		return Report{}, err
	}
	defer unlock()
	if p.st, err = recall(w.dir); err != nil {
		p.st = Standing{} // what it knew is looked up anew
	}
	if p.st.Origin != w.s.Origin() {
		p.st = Standing{} // another place: nothing that was known of the old one counts
	}
	p.st.Name, p.st.Origin, p.st.Tried = w.s.Name, w.s.Origin(), p.now.UTC()
	err = errors.Join(err, p.do(ctx))
	if ctx.Err() != nil || p.given.Load() {
		err = errors.Join(err, keep(w.dir, p.st))
		return p.report(), err // cut short: how it stands is for the next one to say
	}
	p.judge(err)
	if kept := keep(w.dir, p.st); kept != nil {
		err = errors.Join(err, kept)
	}
	w.mu.Lock()
	was := w.st
	w.st = p.st
	if w.failed++; p.st.State != Broken && p.st.State != Unreachable {
		w.failed = 0
	}
	w.mu.Unlock()
	if was.State != p.st.State || was.Head != p.st.Head {
		p.turned()
	}
	if err == nil {
		err = p.unfinished()
	}
	return p.report(), err
}

func (p *pass) report() Report { return Report{Plan: p.plan, Outcome: p.out, Standing: p.st} }

// lock keeps the agent and `strake sync` from doing the same pass at once.
func (w *worker) lock(ctx context.Context) (func(), error) {
	if err := os.MkdirAll(w.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %s: %w", w.dir, err)
	}
	f, err := os.OpenFile(filepath.Join(w.dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock source %s: %w", w.s.Name, err)
	}
	for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return func() { f.Close() }, nil
}

// do is the pass itself.
func (p *pass) do(ctx context.Context) error {
	if p.order.Again {
		p.st.Tries = nil
	}
	var err error
	p.text, err = p.w.fetch(ctx, p.order, p.st)
	if p.text.head != "" {
		p.st.Head = p.text.head
	}
	if err != nil {
		return err
	}
	given, err := p.w.variables()
	if err != nil {
		return err
	}
	conf, err := config.LoadAs(p.text.path, p.w.stack(), given)
	if err != nil {
		return err
	}
	if p.stack = conf.Stack.Name; p.stack != p.st.Stack {
		if err := p.newStack(ctx); err != nil {
			return err
		}
	}
	p.st.Stack = p.stack
	wish := conf.Wish()
	wish.Commit, wish.Message = p.text.commit, p.text.by.Subject
	wish.Prune = p.w.s.Prune && p.settled()
	if p.w.repo != nil {
		wish.Origin, wish.Source = p.w.s.Origin(), p.w.called()
	}
	e := p.engine()
	if err := p.fulfil(ctx, e, wish); err != nil {
		return err
	}
	if p.w.repo != nil {
		return p.w.repo.Keep(p.text.commit)
	}
	return nil
}

// newStack holds a text that has another stack's name than the one before to
// what that stack remembers.
func (p *pass) newStack(ctx context.Context) error {
	s, known, err := p.w.a.opt.Engine.State.Stack(p.stack)
	if err != nil || !known || p.w.repo == nil || s.Origin != p.w.s.Origin() || s.Commit == "" {
		return err
	}
	return p.w.trusted(ctx, p.text.commit, s.Commit, p.order.Rewritten)
}
