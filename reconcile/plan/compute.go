package plan

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"strake/reconcile/resource"
	"strake/spec"
)

// Input is everything that a plan follows from.
type Input struct {
	Stack    string
	Source   string
	Origin   string
	Subjects []Subject
	Networks []NetworkSubject
}

// NetworkSubject is one managed network, as wanted and as found on the host.
type NetworkSubject struct {
	Name string
	Want *resource.Network
	Have *resource.Network
	Last *resource.Network // as the stack's last generation has it; nil: not
	Used bool              // some container of another stack, or one that stays, needs it
	Pos  spec.Pos
	At   map[string]spec.Pos // by setting

	Damaged string // what is wrong with the firewall around it; "" nothing
	Misled  bool   // what is served on it speaks of other interfaces than there are
}

// Compute concludes what has to be done.
func Compute(in Input) Plan {
	p := Plan{Version: Version, Stack: in.Stack, Source: in.Source, Origin: in.Origin}
	p.Containers = newComparer().all(in.Subjects)
	slices.SortFunc(p.Containers, func(a, b ContainerPlan) int { return strings.Compare(a.Name, b.Name) })
	awaitCanaries(p.Containers, in.Subjects)
	for _, n := range in.Networks {
		p.Networks = append(p.Networks, network(n))
	}
	slices.SortFunc(p.Networks, func(a, b NetworkPlan) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// all concludes what happens to each, by itself: as many at a time as there are
// processors.
func (t comparer) all(subjects []Subject) []ContainerPlan {
	list := make([]ContainerPlan, len(subjects))
	share := max(len(subjects)/runtime.GOMAXPROCS(0)+1, 100)
	var workers sync.WaitGroup
	for from := 0; from < len(subjects); from += share {
		workers.Go(func() {
			for i := from; i < min(from+share, len(subjects)); i++ {
				list[i] = t.container(subjects[i])
			}
		})
	}
	workers.Wait()
	return list
}

// container concludes what happens to one of them.
func (t comparer) container(s Subject) ContainerPlan {
	c := ContainerPlan{
		Name: s.Name, Stack: s.Stack, Group: s.Group, Was: s.Was, From: s.From, To: s.From, UUID: s.UUID, Removed: s.Removed,
		Want: s.Want, Last: s.Last, Have: s.Have, Basis: s.Have.Basis(),
	}
	if s.Want == nil {
		return orphan(c, s)
	}
	if s.Point != nil {
		c.Point = s.point()
		s.Next++
	}
	if s.resets() {
		base, _ := s.inUse()
		c.Reset = &Reset{s.Reset, base, s.Fresh}
	}
	s.Want = t.layered(s)
	c.Want, c.Digest = s.Want, resource.Digest(s.Want)
	if s.rejected() {
		c.Action, c.Note = Held, "held: this configuration was "+s.HeldWhy+"; change it or run `strake release "+s.Name+"`"
		return c
	}
	c.Changes, c.Same = t.compare(s)
	if s.Drift {
		c.Changes, c.Left = bearable(c.Changes, s.Most)
		c.Deferred = true // what waits for a restart goes on waiting
	}
	if s.Was != "" {
		c.Changes = slices.Insert(c.Changes, 0, renaming(s))
	}
	switch to, ok := s.Again[c.Digest]; {
	case ok:
		c.To = to
	case s.Last == nil || c.Digest != resource.Digest(s.Last):
		c.To, c.New, c.As = s.Next, true, again(s)
	}
	if s.Defer && s.Was != "" && s.Have.State.Up() {
		return waits(c)
	}
	if s.Defer {
		postpone(&c)
	}
	if c.Impact = struck(c); s.Was != "" {
		c.Impact = max(c.Impact, spec.Live)
	}
	c.Action = action(c)
	if s.Found != nil && s.Last == nil {
		c.Action = Adopt
	}
	if c.ByHand = s.byHand(); c.ByHand && s.Stopped {
		c.Note = "stopped by hand; `strake start " + s.Name + "` starts it"
	}
	if c.Point != nil && c.Point.Live {
		c.Action, c.Impact, c.Changes = Record, spec.None, nil // what it is otherwise is another run's business
	}
	if s.Paused != "" && c.Action.acts() {
		return paused(c, s)
	}
	if c.Action.acts() {
		c.Builds, c.Hidden = s.Builds, s.Hidden
		c.Steps = steps(c)
	}
	switch {
	case s.takesDataBack():
		c.Data = &Data{Of: s.As}
	case s.Data:
		c.Note = fmt.Sprintf("the data of generation %d are today's: nothing that it had was put aside since", s.As)
	}
	if s.Have.State.Up() && c.Starts() {
		c.Away = s.Away
	}
	return c
}

// paused leaves a container as it is, and says what there would be to do.
func paused(c ContainerPlan, s Subject) ContainerPlan {
	c.Action, c.Impact, c.Note = Paused, spec.None, s.Paused
	c.To, c.New, c.As = c.From, false, 0
	return c
}

// bearable parts what undoing strikes no harder than most from the rest. To
// stop what was started by others counts as a restart does.
func bearable(changes []Change, most spec.Impact) (mend, leave []Change) {
	for _, ch := range changes {
		impact := ch.Impact
		if ch.Path == "running" && ch.New == "false" {
			impact = spec.Restart
		}
		if ch.Cause == Waiting || impact <= most {
			mend = append(mend, ch)
		} else {
			leave = append(leave, ch)
		}
	}
	return mend, leave
}

// renaming is the change that a new name is. liblxc has no way to give a
// container that is up another name.
func renaming(s Subject) Change {
	return Change{Path: "name", Old: s.Was, New: s.Name, Last: s.Was, Impact: spec.Restart, Cause: Changed, Pos: s.WasPos}
}

// again is the generation that the wish is once more, but for the name.
func again(s Subject) int {
	if s.As == 0 && s.Was != "" && resource.Digest(s.Last.Named(s.Name)) == resource.Digest(s.Want) {
		return s.From
	}
	return s.As
}

// waits leaves a container that is to be renamed for a run that may restart it.
func waits(c ContainerPlan) ContainerPlan {
	c.Action, c.Impact, c.Deferred = Pending, spec.None, true
	c.To, c.New, c.As = c.From, false, 0
	c.Note = "it stays " + c.Was + ", as it is, until an apply without --defer-restart"
	return c
}

// HoldDigest identifies what a hold speaks of: all that people wish for. The
// writable layers are counted on with every try and would make the same wish
// another one; under another name it is the same.
func HoldDigest(c resource.Container) string {
	c = c.Named("")
	c.Writable = nil
	return resource.Digest(c)
}

// rejected says whether what is wanted was left by a rollback, or did not
// prove itself. What is in use again was not, unless there was nothing to go
// back to.
func (s Subject) rejected() bool {
	if len(s.Held) == 0 || s.Last != nil && !s.Failed && HoldDigest(*s.Last) == HoldDigest(*s.Want) {
		return false
	}
	return slices.Contains(s.Held, HoldDigest(*s.Want))
}

func orphan(c ContainerPlan, s Subject) ContainerPlan {
	c.Action, c.Impact = Orphan, spec.None
	c.Note = "no longer in the configuration; `--prune` retires it"
	switch {
	case s.Removed == "forget":
		c.Action, c.Note = Forget, ""
	case s.Prune || s.Removed != "":
		c.Action, c.Impact, c.Note = Retire, spec.Recreate, ""
		c.Steps = steps(c)
	}
	return c
}

// postpone leaves what needs a restart to the next start.
func postpone(c *ContainerPlan) {
	c.Deferred = true
	if !c.Have.State.Up() {
		return
	}
	for i := range c.Changes {
		switch ch := &c.Changes[i]; {
		case ch.Impact == spec.Restart && kindOf(ch.Path) == "file" && ch.New == "":
			ch.Impact = spec.Live // a start writes files, and knows of none that is to go
		case ch.Impact == spec.Restart:
			ch.Cause = Waiting
		}
	}
}

// struck is the impact on what runs now: nothing that is stopped can be
// restarted, and what waits strikes nobody.
func struck(c ContainerPlan) spec.Impact {
	worst := spec.None
	for _, ch := range c.Changes {
		impact := ch.Impact
		switch {
		case ch.Path == "running" && ch.New == "false" && c.Have.State.Up():
			impact = spec.Stop
		case impact == spec.Recreate && c.Last == nil:
			impact = spec.Live
		case impact == spec.Restart && (!c.Have.State.Up() || ch.Cause == Waiting && c.Deferred):
			impact = spec.None
		}
		worst = max(worst, impact)
	}
	return worst
}

func action(c ContainerPlan) Action {
	switch {
	case c.Last == nil:
		return Create
	case c.Impact == spec.Recreate:
		return Recreate
	case c.Was != "":
		return Rename
	case c.Impact == spec.Stop:
		return Stop
	case c.Impact == spec.Restart:
		return Restart
	case c.Impact == spec.Live:
		return Update
	case c.To != c.From:
		return Record
	case c.Waits():
		return Pending
	}
	return Keep
}

// Waits says whether something takes effect only at the next start.
func (c ContainerPlan) Waits() bool { return len(c.Waiting()) > 0 }

// Waiting lists the settings that take effect at the next start.
func (c ContainerPlan) Waiting() []string {
	var paths []string
	for _, ch := range c.Changes {
		if ch.Cause == Waiting {
			paths = append(paths, ch.Path)
		}
	}
	return paths
}

func network(n NetworkSubject) NetworkPlan {
	p := NetworkPlan{Name: n.Name, Action: Keep, Want: n.Want, Have: n.Have, Pos: n.Pos}
	switch {
	case n.Want == nil && n.Used:
		return p
	case n.Want == nil:
		p.Action = Retire
		return p
	case n.Want.External:
		return p
	case n.Have == nil:
		p.Action = Create
	}
	want, have := n.Want.Settings(), []resource.Setting{}
	if n.Have != nil {
		have = n.Have.Settings()
	}
	p.Changes = settingChanges(want, have, n)
	if n.Last != nil {
		outside(p.Changes, n.Last.Settings())
	}
	if n.Damaged != "" {
		p.Changes = append(p.Changes, Change{Path: "firewall", Old: n.Damaged, New: "in place", Impact: spec.Live, Cause: Drift, Pos: n.Pos})
	}
	if n.Misled {
		p.Changes = append(p.Changes, Change{Path: "guests", Old: "changed", New: "in place", Impact: spec.Live, Cause: Drift, Pos: n.Pos})
	}
	if p.Action == Keep && len(p.Changes) > 0 {
		p.Action = Update
	}
	return p
}

// outside tells the changes that undo what was changed behind strake's back:
// the wish is as it was last.
func outside(changes []Change, last []resource.Setting) {
	was := map[string]string{}
	for _, s := range last {
		was[s.Path] = s.Value
	}
	for i, c := range changes {
		if changes[i].Last = was[c.Path]; c.New == was[c.Path] {
			changes[i].Cause = Drift
		}
	}
}

func settingChanges(want, have []resource.Setting, n NetworkSubject) []Change {
	old := map[string]string{}
	for _, s := range have {
		old[s.Path] = s.Value
	}
	var list []Change
	for _, s := range want {
		if old[s.Path] != s.Value {
			list = append(list, Change{Path: s.Path, Old: old[s.Path], New: s.Value, Impact: spec.Live, Cause: Changed, Pos: n.position(s.Path)})
		}
		delete(old, s.Path)
	}
	for _, s := range have {
		if value, gone := old[s.Path]; gone {
			list = append(list, Change{Path: s.Path, Old: value, Impact: spec.Live, Cause: Changed, Pos: n.position(s.Path)})
		}
	}
	return list
}

// position is where a setting of the network was written, or its block.
func (n NetworkSubject) position(path string) spec.Pos {
	if at, ok := n.At[path]; ok {
		return at
	}
	return n.Pos
}
