package agent

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"strake/cmd/internal/config"
	"strake/reconcile"
	"strake/reconcile/apply"
	"strake/reconcile/event"
	"strake/spec"
	"strake/spec/source/git"
)

// ErrWaiting: something needs the approval of somebody.
var ErrWaiting = errors.New("waits for approval")

// judge says how the source stands after the pass.
func (p *pass) judge(err error) {
	st := &p.st
	was := st.State
	st.Waits, st.Failed = p.left.waits, p.left.spent
	st.State, st.Text = stateOf(err), ""
	if err != nil {
		st.Text = brief(err)
	}
	for _, r := range p.out.Results {
		if t, ok := st.Tries[r.Name]; ok && t.Why != "" && !slices.Contains(st.Failed, r.Name) {
			st.Failed = append(st.Failed, r.Name)
		}
		if r.Rejected != 0 && !slices.Contains(st.Held, r.Name) {
			st.Held = append(st.Held, r.Name)
		}
	}
	if err == nil {
		p.calm()
	}
	if st.Next.Before(p.now) {
		st.Next = time.Time{}
	}
	if st.State == OK {
		st.Succeeded = p.now.UTC()
	}
	if st.State != was {
		st.Since = p.now.UTC()
	}
}

// calm says how it stands where nothing went wrong.
func (p *pass) calm() {
	st := &p.st
	waits := strings.Join(st.Waits, ", ")
	switch {
	case len(st.Failed) > 0:
		st.State, st.Text = Unhealthy, strings.Join(st.Failed, ", ")+" failed before and is not tried again until the text changes, or by `strake sync "+st.Name+" --again`"
	case len(st.Waits) > 0 && !p.w.s.Deploy:
		st.State, st.Text = Differs, waits
	case len(st.Waits) > 0 && !spec.Open(p.w.s.Windows, p.now):
		st.State, st.Text = Closed, waits+" until "+st.Next.UTC().Format(time.RFC3339)
	case len(st.Waits) > 0 && p.asked == "":
		st.State, st.Text = Waiting, waits+": declined, and not asked for again until the text or the host changes"
	case len(st.Waits) > 0:
		st.State, st.Text = Waiting, waits+" for `strake approve "+p.asked+"`"
	case len(p.paused) > 0:
		st.State, st.Text = Suspended, strings.Join(p.paused, "; ")
	case len(st.Held) > 0:
		st.State, st.Text = Held, strings.Join(st.Held, ", ")+": this configuration was rolled back; change it or run `strake release`"
	default:
		st.State = OK
	}
}

// stateOf is what an error says of a source.
func stateOf(err error) State {
	var ds spec.Diagnostics
	switch {
	case err == nil:
		return OK
	case errors.Is(err, apply.ErrStuck), errors.Is(err, apply.ErrRolledBack), errors.Is(err, apply.ErrUnhealthy):
		return Unhealthy
	case errors.Is(err, reconcile.ErrPolicy):
		return Rejected
	case errors.As(err, &ds), errors.Is(err, config.ErrInvalid), errors.Is(err, reconcile.ErrInvalid):
		return Invalid
	case errors.Is(err, git.ErrUnreachable), errors.Is(err, git.ErrNoRef):
		return Unreachable
	}
	return Broken
}

// unfinished is what a pass in which nothing went wrong has to say to a caller
// who waits for its end.
func (p *pass) unfinished() error {
	switch p.st.State {
	case Waiting:
		return fmt.Errorf("%w: %s", ErrWaiting, p.st.Text)
	case Unhealthy, Suspended:
		return fmt.Errorf("%w: %s", reconcile.ErrPolicy, p.st.Text)
	}
	return nil
}

// turned tells that the source stands in another way now, or with another commit.
func (p *pass) turned() {
	what := map[State]event.Outcome{
		OK: event.Done, Waiting: event.Waiting, Closed: event.Waiting, Differs: event.Waiting, Suspended: event.Skipped, Held: event.Skipped,
		Invalid: event.Refused, Rejected: event.Refused,
	}
	e := event.Event{
		Kind: event.Source, Outcome: cmp.Or(what[p.st.State], event.Failed), Source: p.w.s.Name, Stack: p.stack, Commit: p.text.commit, Run: p.out.Run.ID,
		State: string(p.st.State), Message: p.st.Text,
	}
	if e.Outcome == event.Failed || e.Outcome == event.Refused {
		e.Error, e.Message = e.Message, ""
	}
	p.w.a.opt.Engine.Tell(e)
}

// brief is an error in one line: of many mistakes in a text the first.
func brief(err error) string {
	var ds spec.Diagnostics
	if !errors.As(err, &ds) {
		return strings.Join(strings.Fields(err.Error()), " ")
	}
	i := slices.IndexFunc(ds, func(d spec.Diagnostic) bool { return d.Severity == spec.Error })
	text := ds[i].Pos.String() + ": " + ds[i].Summary
	if more := len(ds) - 1; more > 0 {
		text = fmt.Sprintf("%s (and %d more)", text, more)
	}
	return text
}
