package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"strake/generations"
	"strake/reconcile/event"
	"strake/reconcile/health"
	"strake/reconcile/plan"
	"strake/reconcile/resource"
)

// ErrUnhealthy: the change was carried out, and did not prove itself.
var ErrUnhealthy = errors.New("unhealthy")

// Evidence is something that tells why a change was taken for bad.
type Evidence struct {
	What string `json:"what"`
	Text string `json:"text"`
}

// glance is the time between two looks at whether init is there.
const glance = 200 * time.Millisecond

// saw is what one try said, and when.
type saw struct {
	check resource.Check
	at    time.Time
	err   error
}

// prove waits until the container is healthy, or is not to become so. The
// evidence is there in the second case.
func (t *task) prove(ctx context.Context) ([]Evidence, error) {
	began := time.Now()
	h := *t.c.Want.Health
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil {
		return nil, err
	}
	asking, stop := context.WithCancel(ctx)
	said := make(chan saw)
	var group sync.WaitGroup
	for _, k := range h.Checks {
		group.Go(func() { t.ask(asking, k, said) })
	}
	w := health.Begin(h, began)
	killed, err := t.watch(ctx, w, live, said)
	stop()
	group.Wait()
	if err == nil || ctx.Err() != nil {
		return nil, err
	}
	return t.evidence(ctx, w, killed), fmt.Errorf("%w: %w", ErrUnhealthy, err)
}

// watch follows what is said until there is a verdict.
func (t *task) watch(ctx context.Context, w *health.Watch, live resource.Live, said <-chan saw) (killed int, err error) {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	life := lives{seen: live}
	for {
		now := time.Now()
		switch verdict, why := w.Verdict(now); verdict {
		case health.Healthy:
			return killed, nil
		case health.Unhealthy:
			return killed, why
		}
		select {
		case <-ctx.Done():
			return killed, canceled(ctx)
		case s := <-said:
			w.Saw(s.check, s.at, s.err)
		case <-tick.C:
			if live, err := t.host.Containers.Inspect(ctx, t.at, nil); err == nil {
				if over := life.look(live); over != nil {
					w.Ended(over)
				}
			}
			if n, err := t.host.Witness.Killed(ctx, t.at); err == nil {
				killed = max(killed, n)
			}
		}
	}
}

// lives follows one init and those that come after it.
type lives struct {
	seen resource.Live
	gone bool // at the last look
	more int  // inits after the first
}

// look says whether it is certain that the container does not stay up: it is
// not there at two looks, since a reboot from inside takes a moment, or it
// reboots again and again.
func (l *lives) look(now resource.Live) error {
	if !now.State.Up() {
		if l.gone {
			return ErrInitEnded
		}
		l.gone = true
		return nil
	}
	l.gone = false
	if now.Started == l.seen.Started {
		return nil
	}
	l.seen = now
	if l.more++; l.more > 1 {
		return errors.New("init has ended and come back twice")
	}
	return nil
}

// ask tries one check again and again. It looks at the init that there is now:
// a reboot brings another one.
func (t *task) ask(ctx context.Context, k resource.Check, said chan<- saw) {
	h := *t.c.Want.Health
	for {
		try, cancel := context.WithTimeout(ctx, health.Timeout(h, k))
		err := t.try(try, k)
		if errors.Is(try.Err(), context.DeadlineExceeded) && err != nil {
			err = fmt.Errorf("no answer within %s", health.Timeout(h, k))
		}
		cancel()
		select {
		case said <- saw{k, time.Now(), err}:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(health.Interval(h, k)):
		case <-ctx.Done():
			return
		}
	}
}

func (t *task) try(ctx context.Context, k resource.Check) error {
	live, err := t.host.Containers.Inspect(ctx, t.at, nil)
	if err != nil {
		return err
	}
	if !live.State.Up() {
		return resource.ErrNotRunning
	}
	return t.host.Witness.Try(ctx, t.c.Want.Named(t.at), live, k)
}

// evidence is gathered before anything is taken back.
func (t *task) evidence(ctx context.Context, w *health.Watch, killed int) []Evidence {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list := []Evidence{{"checks", strings.Join(w.Latest(), "\n")}}
	if killed > 0 {
		list = append(list, Evidence{"memory", fmt.Sprintf("the kernel killed %d processes for want of memory", killed)})
	}
	return append(list, t.host.Witness.Testify(ctx, t.c.Want.Named(t.at))...)
}

// reject writes into the history that the generation was tried, and why it is
// not used, and puts it on hold. The journal stays: the way back is still to go.
func (t *task) reject(why error) error {
	if err := t.activate(generations.Failed, why.Error()); err != nil {
		return err
	}
	t.crash.Point()
	return t.hold()
}

// hold keeps what did not prove itself from being tried again. What failed itself,
// and is gone back to for want of better, stays on hold.
func (t *task) hold() error {
	used := ""
	if t.c.Last != nil && !t.book().Failed(t.c.From) {
		used = plan.HoldDigest(*t.c.Last)
	}
	return t.book().Reject(generations.Hold{
		Digest: plan.HoldDigest(*t.c.Want), Generation: t.c.To, Since: t.run.Started, Run: t.run.ID, Why: "unhealthy", Canary: t.canary,
	}, used)
}

// stays says whether the container is left in a generation that failed: there
// is none to go back to, or its text wants it so.
func (t *task) stays() bool { return t.c.Last == nil || t.c.Want.Update.KeepFailed }

// keep leaves it so. What was never good before is stopped.
func (t *task) keep(ctx context.Context) error {
	if !t.c.Want.Update.KeepFailed {
		err := unless(t.host.Containers.Stop(ctx, t.at, stopTimeout), resource.ErrNotRunning, resource.ErrKilled)
		if err != nil {
			return err
		}
	}
	return t.host.Store.ClearJournal(t.at)
}

// keep leaves a container in the generation that failed.
func (r *runner) keep(ctx context.Context, t *task, cause error) Result {
	res := Result{Name: t.c.Name, From: t.c.From, To: t.c.To, Outcome: "failed", Err: fmt.Errorf("%s: %w", t.c.Name, cause)}
	if err := t.keep(context.WithoutCancel(ctx)); err != nil {
		res.Outcome, res.Err = "stuck", fmt.Errorf("%s: %w; %w: %w", t.c.Name, cause, ErrStuck, err)
		r.event(t.c.Name, "", event.Stuck, err)
		return res
	}
	r.event(t.c.Name, "", event.Kept, nil)
	return res
}
