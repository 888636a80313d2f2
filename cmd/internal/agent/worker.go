package agent

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"strake/spec"
	"strake/spec/source/git"
)

// worker waits for the triggers of one source and does its passes.
type worker struct {
	a    *Agent
	s    spec.Source
	dir  string
	repo *git.Repository // nil for a folder
	wake chan struct{}

	mu      sync.Mutex
	st      Standing
	changed time.Time // the folder did, last
	failed  int       // passes in a row that could not be done
}

func newWorker(a *Agent, s spec.Source) *worker {
	w := &worker{a: a, s: s, dir: folder(a.opt.Engine.State.Path(), s.Name), wake: make(chan struct{}, 1)}
	if s.Git != nil {
		w.repo = git.Open(filepath.Join(w.dir, "git"), *s.Git, w.secret)
	}
	w.st, _ = recall(w.dir) // the first pass says what is wrong with it
	w.st.Name, w.st.Origin = s.Name, s.Origin()
	return w
}

// secret reads a file that has to be root's alone, or is encrypted to the host.
func (w *worker) secret(file string) ([]byte, error) {
	return w.a.opt.Engine.Host.Vault.Read("/", file)
}

// look has the source looked at soon. What comes while that is still to be
// done is the same look.
func (w *worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *worker) status() Standing {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.st
}

// run does passes until idle ends. One under way is done to its end, unless
// ctx ends, too.
func (w *worker) run(idle, ctx context.Context) {
	changes := w.watch(idle)
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		told := true
		select {
		case <-idle.Done():
			return
		case <-w.wake:
		case <-next.C:
			told = false
		case <-changes:
			w.mu.Lock()
			w.changed = w.a.opt.Now()
			w.mu.Unlock()
		}
		w.attend(idle, ctx, changes, told)
		if w.a.opt.Rest != nil {
			w.a.opt.Rest()
		}
		next.Reset(w.pause())
	}
}

// attend does one pass. When a newer text comes while containers are still to
// prove themselves with this one, there is no point in waiting for that.
func (w *worker) attend(idle, ctx context.Context, changes <-chan struct{}, told bool) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := &pass{w: w, told: told, now: w.a.opt.Now()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = p.whole(ctx) // how it stands says what is wrong
	}()
	beat := time.NewTicker(w.beat())
	defer beat.Stop()
	for {
		select {
		case <-done:
			return
		case <-changes:
			w.mu.Lock()
			w.changed = w.a.opt.Now()
			w.mu.Unlock()
			w.look()
			p.give(cancel)
		case <-beat.C:
			if w.repo == nil || !p.proving.Load() || idle.Err() != nil {
				continue
			}
			if head, err := w.repo.Head(ctx); err == nil && head != p.text.head {
				w.look()
				p.give(cancel)
			}
		}
	}
}

// beat is how often a repository is looked at.
func (w *worker) beat() time.Duration {
	if w.s.Git == nil {
		return time.Minute
	}
	tenth := int64(w.s.Git.Poll / 10)
	return w.s.Git.Poll + time.Duration(rand.Int64N(2*tenth+1)-tenth) // many hosts, one server
}

// soonest and latest are the bounds of the pause after a pass that could not
// be done.
const soonest, latest = 2 * time.Second, 5 * time.Minute

// pause is how long nothing is done without a trigger.
func (w *worker) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	pause := latest
	if w.repo != nil {
		pause = w.beat()
	}
	if w.failed > 0 {
		pause = min(pause, soonest<<min(w.failed-1, 10))
	}
	now := w.a.opt.Now()
	if at := w.st.Next; !at.IsZero() {
		pause = min(pause, max(at.Sub(now), 10*time.Millisecond))
	}
	return pause
}
