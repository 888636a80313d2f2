package agent

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"strake/reconcile"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/spec"
)

// fulfil brings the host to what the text says, as far as that may be done now.
func (p *pass) fulfil(ctx context.Context, e *reconcile.Engine, wish reconcile.Wish) error {
	if !p.w.s.Deploy || !spec.Open(p.w.s.Windows, p.now) {
		return p.look(ctx, e, wish)
	}
	wish.Watched = p.told
	for {
		out, err := e.Apply(ctx, wish, reconcile.How{Parallel: 4, Approve: func(pl plan.Plan) error { return p.approve(pl, &wish) }})
		if errors.Is(err, errAgain) {
			continue
		}
		p.out = out
		p.ended(ctx)
		p.taken()
		if err != nil || len(p.left.waits) == 0 {
			return err
		}
		return p.ask(ctx, e, wish)
	}
}

// errAgain: the plan has what is not to be done; it is made again without.
var errAgain = errors.New("plan again")

// approve lets a plan pass that has nothing but what may be done. What has
// more is made again without that.
func (p *pass) approve(pl plan.Plan, wish *reconcile.Wish) error {
	s := sorted(p.w.s, pl, p.st.Tries)
	p.plan = pl
	p.left.waits, p.left.spent, p.left.drifts = append(p.left.waits, s.waits...), append(p.left.spent, s.spent...), append(p.left.drifts, s.drifts...)
	if rest := s.left(); len(rest) > 0 {
		for _, c := range pl.Acting() {
			if slices.Contains(rest, c.Name) && c.Action == plan.Retire && c.Removed == "" {
				wish.Prune = false // what left the text can't be named
				continue
			}
			if slices.Contains(rest, c.Name) {
				wish.Exclude = append(wish.Exclude, c.Name)
			}
		}
		return errAgain
	}
	p.st.Held, p.paused = nil, nil
	for _, c := range pl.Containers {
		switch c.Action {
		case plan.Held:
			if c.Behind == "" { // else one that is named here holds it up
				p.st.Held = append(p.st.Held, c.Name)
			}
		case plan.Paused:
			p.paused = append(p.paused, c.Name+": "+c.Note)
		}
	}
	if pl.Empty() {
		return nil
	}
	return p.begin(s.do)
}

// ask has what waits planned by itself and kept until somebody approves it.
func (p *pass) ask(ctx context.Context, e *reconcile.Engine, wish reconcile.Wish) error {
	wish.Target, wish.Exclude, wish.Watched = p.left.waits, nil, false
	pl, err := e.Plan(ctx, wish)
	if err != nil {
		return err
	}
	s := sorted(p.w.s, pl, p.st.Tries)
	if p.left.waits = s.waits; len(s.waits) == 0 {
		return nil // they came along with others
	}
	why := make([]string, len(s.waits))
	for i, name := range s.waits {
		c := pl.Containers[slices.IndexFunc(pl.Containers, func(c plan.ContainerPlan) bool { return c.Name == name })]
		why[i] = string(c.Action) + " " + name
	}
	run, err := e.Ask(ctx, pl, cmp.Or(p.text.commit, p.w.s.Origin()), strings.Join(why, ", "))
	p.asked = run
	return err
}

// look only sees what would be done.
func (p *pass) look(ctx context.Context, e *reconcile.Engine, wish reconcile.Wish) error {
	pl, err := e.Plan(ctx, wish)
	if err != nil {
		return err
	}
	p.plan = pl
	s := sorted(p.w.s, pl, p.st.Tries)
	p.left.spent = s.spent
	if !p.w.s.Deploy {
		for _, c := range append(s.do, pl.Acting()...) {
			if !slices.Contains(s.drifts, c.Name) && !slices.Contains(p.left.waits, c.Name) {
				p.left.waits = append(p.left.waits, c.Name)
			}
		}
		return nil
	}
	for _, c := range s.do {
		p.left.waits = append(p.left.waits, c.Name)
	}
	p.left.waits = append(p.left.waits, s.waits...)
	if len(p.left.waits) > 0 || len(pl.Containers) == 0 && !pl.Empty() {
		p.st.Next = spec.Opens(p.w.s.Windows, p.now)
	}
	return nil
}

func (p *pass) engine() *reconcile.Engine {
	w := p.w
	e := *w.a.opt.Engine
	if e.By = p.text.by.Name; e.By == "" {
		e.By = "agent"
	}
	before := e.Event
	e.Event = func(ev event.Event) {
		if before != nil {
			before(ev)
		}
		if ev.Kind == event.Container {
			p.proving.Store(ev.Outcome == event.Proving)
		}
	}
	return &e
}

// quiet is how long a folder has to be left alone before what is missing in it
// is taken for what was meant: an rsync or a checkout may still be under way.
const quiet = 10 * time.Second

func (p *pass) settled() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	if p.w.repo != nil || p.w.changed.IsZero() || p.now.Sub(p.w.changed) >= quiet {
		return true
	}
	p.st.Next = p.w.changed.Add(quiet)
	return false
}

func (p *pass) planned(name string) *plan.ContainerPlan {
	i := slices.IndexFunc(p.plan.Containers, func(c plan.ContainerPlan) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &p.plan.Containers[i]
}

// taken reads which commit the stack has now.
func (p *pass) taken() {
	if s, ok, err := p.w.a.opt.Engine.State.Stack(p.stack); ok && err == nil && s.Origin == p.w.s.Origin() {
		p.st.Commit = s.Commit
	}
}
