package plan

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"strake/reconcile/resource"
	"strake/spec"
)

// Subject is one container with its three states.
type Subject struct {
	Name    string
	Group   string              // those that update.max_parallel and canary are about; "": it is alone
	Want    *resource.Container // nil: not wanted any more
	Last    *resource.Container // desired of the current generation; nil: none
	Found   *resource.Container // what the LXC configuration says of a container that is to be taken over; nil: it is not
	Have    resource.Observed
	From    int            // current generation
	Next    int            // number that a new generation would get
	Was     string         // the name under which it stands, where that is another one
	WasPos  spec.Pos       // what says that it is to be renamed
	As      int            // the generation that Want is again, under another name; 0: none
	Removed string         // what a removed block says: "retire", "forget", "purge"; "": there is none
	Again   map[string]int // generations to go to, as a rollback does, by their digests; nil: Want is a text's
	Data    bool           // a rollback takes its data back too
	Reset   []string       // paths whose local changes are dropped
	Point   *Point         // a snapshot is made of it; only Live is said
	Fresh   int            // number for a new writable layer; 0: none is made
	Pending []string
	UUID    string
	At      map[string]spec.Pos
	Pos     spec.Pos
	Held    []string      // digests on hold
	HeldWhy string        // what became of the newest of those
	Canary  bool          // it went first of its group when it was rejected
	Paused  string        // why nothing is to be done to it now; "": something may be
	Failed  bool          // the current generation is on hold itself: nothing was ever good
	Stopped bool          // the operator stopped it
	Started bool          // the operator started it
	Frozen  bool          // the operator froze it
	Defer   bool          // restart-class changes wait
	Drift   bool          // Want is what it is made of: only drift is undone
	Most    spec.Impact   // and only where that strikes no harder than this
	Stack   string        // that it belongs to, where the plan is about several
	Prune   bool          // an orphan is retired
	Builds  int           // system layers that have to be built first
	Hidden  []string      // paths of new system layers that the container's own writing hides
	Away    time.Duration // how long it was away at its last restart; 0: not known
}

// Stands is the name that the container has now.
func (s Subject) Stands() string { return cmp.Or(s.Was, s.Name) }

// byHand says whether the container is up, or not, against its declaration by
// the operator's word.
func (s Subject) byHand() bool {
	up, want := s.Have.State.Up(), s.Want != nil && s.Want.Running
	return s.Stopped && !up && want || s.Started && up && !want
}

// values are settings by path.
type values map[string]string

func valuesOf(c *resource.Container) values {
	if c == nil {
		return values{}
	}
	list := c.Settings()
	v := make(values, len(list))
	for _, s := range list {
		v[s.Path] = s.Value
	}
	return v
}

// comparer holds the key table in the forms that comparing needs.
type comparer struct {
	keys map[string]spec.Key
	rank map[string]int // of a path's first word, in the table's order
}

func newComparer() comparer {
	c := comparer{map[string]spec.Key{}, map[string]int{}}
	for i, k := range spec.Keys() {
		c.keys[k.Path] = k
		if _, ok := c.rank[kindOf(k.Path)]; !ok {
			c.rank[kindOf(k.Path)] = i
		}
	}
	return c
}

func (c comparer) key(path string) spec.Key { return c.keys[spec.Pattern(path)] }

// live is what is there now. A container that is not up shows only its
// configuration: that is what the last generation wrote, unless Config says
// otherwise.
func (t comparer) live(s Subject, last values) values {
	if !s.Have.Defined && s.Last == nil {
		return values{}
	}
	seen := values{}
	if s.Have.State.Up() {
		seen = valuesOf(&s.Have.Have)
	}
	for path, value := range last {
		if !s.Have.State.Up() || t.key(path).Record {
			seen[path] = value
		}
	}
	for path := range seen {
		if _, recorded := last[path]; !recorded && t.key(path).Record {
			delete(seen, path)
		}
	}
	seen["running"] = runs(s)
	return seen
}

// frozen in the place of "true": it is up, and does not run.
const frozen = "frozen"

func runs(s Subject) string {
	if s.Have.State == resource.Frozen && !s.Frozen {
		return frozen
	}
	return strconv.FormatBool(s.Have.State.Up())
}

// compare lists the settings that are not as wanted and counts the others.
func (t comparer) compare(s Subject) (changes []Change, same int) {
	if s.Last == nil {
		s.Last = s.Found
	}
	want, last := valuesOf(s.Want), valuesOf(s.Last)
	have := t.live(s, last)
	if s.byHand() {
		have["running"] = want["running"] // the operator's word: not a difference
	}
	paths := t.union(want, last, have)
	if s.Last == nil {
		changes = make([]Change, 0, len(paths)) // all of them
	}
	for _, path := range paths {
		c := Change{Path: path, Old: have[path], New: want[path], Last: last[path], Pos: positionOf(s, path)}
		if c.Old == c.New && c.Last == c.New || ignored(s.Want, path) {
			same++
			continue
		}
		c.Impact = t.impact(path, s.Want, s.Last)
		if grows(c) {
			c.Impact = spec.Live
		}
		c.Cause = causeOf(s, c)
		if c.Cause == Settled {
			c.Impact = spec.None
		}
		c.redact()
		changes = append(changes, c)
	}
	for _, line := range s.Have.Config {
		changes = append(changes, Change{Path: line.Path, Old: line.Value, Impact: spec.Live, Cause: Drift})
	}
	return changes, same
}

// impact is what the change of a setting does. A file can have its container
// restarted.
func (t comparer) impact(path string, want, last *resource.Container) spec.Impact {
	impact := t.key(path).ImpactOf(want != nil && want.Image.Adopted())
	kind, label, _, _ := resource.Cut(path)
	if kind != "file" || impact != spec.Live {
		return impact
	}
	f, ok := want.FileAt(label)
	if !ok {
		f, _ = last.FileAt(label)
	}
	if f.OnChange == "restart" {
		return spec.Restart
	}
	return impact
}

// grows says whether a file system gets another size: they grow while they are in use.
func grows(c Change) bool {
	kind, _, rest, _ := resource.Cut(c.Path)
	return c.Old != "" && c.New != "" && (c.Path == "rootfs.size" || kind == "mount" && rest == "size")
}

func causeOf(s Subject, c Change) Cause {
	switch {
	case s.Last == nil:
		return Changed
	case c.Old == c.New:
		return Settled
	case c.Last == c.New && slices.Contains(s.Pending, c.Path):
		return Waiting
	case c.Last == c.New:
		return Drift
	case c.Last == c.Old:
		return Changed
	case c.Last == "" && kindOf(c.Path) == "raw":
		return Changed // live is what liblxc does without being told
	}
	if slices.Contains(s.Pending, c.Path) {
		return Changed // live still shows what was before the deferred change
	}
	return Conflict
}

func ignored(c *resource.Container, path string) bool { return c != nil && c.Ignores(path) }

// positionOf finds where the setting was written, or the nearest block
// around it: a value that strake chose stands where its block stands.
func positionOf(s Subject, path string) spec.Pos {
	for p := path; ; {
		if at, ok := s.At[p]; ok {
			return at
		}
		cut := strings.LastIndexByte(p, '.')
		if strings.HasSuffix(p, `"]`) {
			cut = strings.LastIndex(p, `["`)
		}
		if cut < 0 {
			return s.Pos
		}
		p = p[:cut]
	}
}

// union keeps the order of Settings for what is wanted, and puts what is to
// be gone behind it, in order of path.
func (t comparer) union(sets ...values) []string {
	type ranked struct {
		rank int
		path string
	}
	list := make([]ranked, 0, len(sets[0]))
	for i, set := range sets {
		for path := range set {
			if !slices.ContainsFunc(sets[:i], func(o values) bool { _, there := o[path]; return there }) {
				list = append(list, ranked{t.rank[kindOf(path)], path})
			}
		}
	}
	slices.SortFunc(list, func(a, b ranked) int {
		if d := a.rank - b.rank; d != 0 {
			return d
		}
		return strings.Compare(a.path, b.path)
	})
	paths := make([]string, len(list))
	for i, r := range list {
		paths[i] = r.path
	}
	return paths
}

func kindOf(path string) string {
	if i := strings.IndexAny(path, ".["); i > 0 {
		return path[:i]
	}
	return path
}
