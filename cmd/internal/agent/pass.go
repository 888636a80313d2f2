package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"strake/cmd/internal/config"
	"strake/reconcile"
	"strake/reconcile/apply"
	"strake/reconcile/event"
	"strake/reconcile/plan"
	"strake/spec"
	"strake/spec/lang"
	"strake/spec/source"
	"strake/spec/source/git"
)

// ErrWaiting: something needs the approval of somebody.
var ErrWaiting = errors.New("waits for approval")

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
	head   string // newest commit
	commit string // the one that is taken
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
func (p *pass) give(cancel func()) {
	if p.proving.Load() {
		p.given.Store(true)
		cancel()
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
	path, by, err := p.text(ctx)
	if err != nil {
		return err
	}
	given, err := p.variables()
	if err != nil {
		return err
	}
	name := ""
	if g := p.w.s.Git; g != nil && g.Path == "" {
		name = source.StackName(p.called()) // the folder is called by the commit
	}
	conf, err := config.LoadAs(path, name, given)
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
	wish.Commit, wish.Message = p.commit, by.Subject
	wish.Prune = p.w.s.Prune && p.settled()
	if p.w.repo != nil {
		wish.Origin, wish.Source = p.w.s.Origin(), p.called()
	}
	e := p.engine(by)
	if err := p.fulfil(ctx, e, wish); err != nil {
		return err
	}
	if p.w.repo != nil {
		return p.w.repo.Keep(p.commit)
	}
	return nil
}

// called is what people call the text of a repository.
func (p *pass) called() string {
	if g := p.w.s.Git; g.Path != "" {
		return filepath.Base(g.Path)
	}
	name := p.w.s.Git.URL
	return strings.TrimSuffix(name[strings.LastIndexAny(name, "/:")+1:], ".git")
}

// text has the text where it can be read.
func (p *pass) text(ctx context.Context) (string, git.Author, error) {
	w := p.w
	if w.repo == nil {
		if p.order.Commit != "" {
			return "", git.Author{}, fmt.Errorf("%w: source %s is a folder and has no commits", config.ErrInvalid, w.s.Name)
		}
		return w.s.Folder, git.Author{Name: "agent"}, nil
	}
	var err error
	if p.head, err = w.repo.Head(ctx); err == nil && p.head != p.st.Head || p.order.Commit != "" {
		p.head, err = w.repo.Fetch(ctx)
	}
	if err != nil {
		return "", git.Author{}, unfit(err)
	}
	p.st.Head, p.commit = p.head, p.head
	if said := p.order.Commit; said != "" {
		if p.commit, err = w.repo.Commit(ctx, said); err != nil {
			return "", git.Author{}, err
		}
	}
	if err := p.trusted(ctx, p.st.Commit); err != nil {
		return "", git.Author{}, err
	}
	by, err := w.repo.Author(ctx, p.commit)
	if err != nil {
		return "", by, err
	}
	path, err := w.repo.Checkout(ctx, p.commit)
	return path, by, unfit(err)
}

// unfit adds that what is not taken is refused.
func unfit(err error) error {
	if errors.Is(err, git.ErrUnfit) {
		return fmt.Errorf("%w: %w", reconcile.ErrPolicy, err)
	}
	return err
}

// trusted refuses a commit that does not come after the one before, or is not
// signed as it has to be, nor any on the way to it.
func (p *pass) trusted(ctx context.Context, before string) error {
	w := p.w
	if before != "" && !p.order.Rewritten {
		ok, err := w.repo.Descends(ctx, before, p.commit)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: commit %s does not come after %s, which was applied; `strake sync %s --rewritten` takes a history that was written anew",
				reconcile.ErrPolicy, p.commit[:12], before[:min(12, len(before))], w.s.Name)
		}
	}
	if known, _ := w.repo.Descends(ctx, before, before); !known {
		before = "" // nothing to go on from, or a history that was written anew: its head stands for itself
	}
	err := w.repo.Verify(ctx, before, p.commit)
	if errors.Is(err, git.ErrUnsigned) {
		err = fmt.Errorf("%w: %w", reconcile.ErrPolicy, err)
	}
	return err
}

// newStack holds a text that has another stack's name than the one before to
// what that stack remembers.
func (p *pass) newStack(ctx context.Context) error {
	s, known, err := p.w.a.opt.Engine.State.Stack(p.stack)
	if err != nil || !known || p.w.repo == nil || s.Origin != p.w.s.Origin() || s.Commit == "" {
		return err
	}
	return p.trusted(ctx, s.Commit)
}

// variables are those of the environment and of the source's files.
func (p *pass) variables() (lang.Variables, error) {
	v := lang.Variables{Environment: p.w.a.opt.Env}
	for _, path := range p.w.s.VarFiles {
		f, err := source.ReadVars(path)
		if err != nil {
			return v, fmt.Errorf("%w configuration: %w", config.ErrInvalid, err)
		}
		v.Given = append(v.Given, lang.Given{File: &f})
	}
	return v, nil
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

func (p *pass) engine(by git.Author) *reconcile.Engine {
	w := p.w
	e := *w.a.opt.Engine
	if e.By = by.Name; e.By == "" {
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

// errAgain: the plan has what is not to be done; it is made again without.
var errAgain = errors.New("plan again")

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
	run, err := e.Ask(ctx, pl, cmp.Or(p.commit, p.w.s.Origin()), strings.Join(why, ", "))
	p.asked = run
	return err
}

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
			p.st.Held = append(p.st.Held, c.Name)
		case plan.Paused:
			p.paused = append(p.paused, c.Name+": "+c.Note)
		}
	}
	if pl.Empty() {
		return nil
	}
	return p.begin(s.do)
}

// begin writes down what is tried, before it is: whoever dies of it must not
// try it for ever.
func (p *pass) begin(list []plan.ContainerPlan) error {
	if p.st.Tries == nil {
		p.st.Tries = map[string]Try{}
	}
	for _, c := range list {
		t := p.st.Tries[c.Name]
		if d := digest(c); t.Commit != p.commit || t.Digest != d {
			t = Try{Commit: p.commit, Digest: d}
		}
		t.Time, t.Times = p.now.UTC(), t.Times+1
		p.st.Tries[c.Name] = t
	}
	return keep(p.w.dir, p.st)
}

// ended writes down what came of it. What was rejected is on hold, so that
// `strake release` alone brings it another try; what nobody got to may come again.
func (p *pass) ended(ctx context.Context) {
	begun := p.st.Tries
	for name, t := range begun {
		if t.Time.Equal(p.now.UTC()) {
			delete(p.st.Tries, name)
		}
	}
	if ctx.Err() == nil {
		for _, r := range p.out.Results {
			if c := p.planned(r.Name); c != nil && r.Outcome != "applied" && r.Outcome != "skipped" && r.Rejected == 0 {
				p.st.Tries[r.Name] = Try{Commit: p.commit, Digest: digest(*c), Run: p.out.Run.ID, Time: p.now.UTC(), Times: 1, Why: r.Outcome + ": " + r.Error}
			}
		}
	}
	if p.out.Run.ID != "" {
		p.st.Run = p.out.Run.ID
	}
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

// turned tells that the source stands in another way now, or with another commit.
func (p *pass) turned() {
	what := map[State]event.Outcome{
		OK: event.Done, Waiting: event.Waiting, Closed: event.Waiting, Differs: event.Waiting, Suspended: event.Skipped, Held: event.Skipped,
		Invalid: event.Refused, Rejected: event.Refused,
	}
	e := event.Event{
		Kind: event.Source, Outcome: cmp.Or(what[p.st.State], event.Failed), Source: p.w.s.Name, Stack: p.stack, Commit: p.commit, Run: p.out.Run.ID,
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
