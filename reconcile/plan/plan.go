// Package plan compares what is wanted, what was last applied and what is
// really there, and says what has to be done. It is a pure function: no I/O,
// no clock, no choice that is not in its input. The result is a plain value
// that can be shown, saved and obeyed; it is never changed on the way.
package plan

import (
	"cmp"
	"slices"
	"time"

	"strake/reconcile/ledger"
	"strake/reconcile/resource"
	"strake/spec"
)

// Version of the JSON form of a saved plan.
const Version = 1

// Plan is everything that one run has to do.
type Plan struct {
	Version    int             `json:"version"`
	Stack      string          `json:"stack"`
	Source     string          `json:"source"` // what people call it: "containers.hcl"
	Origin     string          `json:"origin"` // where it came from, absolute
	Networks   []NetworkPlan   `json:"networks,omitempty"`
	Volumes    []VolumePlan    `json:"volumes,omitempty"`
	Containers []ContainerPlan `json:"containers,omitempty"` // sorted by name
	Commit     string          `json:"commit,omitempty"`
	Message    string          `json:"message,omitempty"`
	Basis      string          `json:"basis"`   // digest of the ledger that it was made with
	Choices    ledger.Ledger   `json:"choices"` // the ledger with what this plan chose
	Secrets    []Secret        `json:"secrets,omitempty"`
	NoProbe    bool            `json:"no_probe,omitempty"` // the neighbours are not asked about new addresses

	// Contents is what files are to hold that stand in Containers with a
	// digest, by that.
	Contents map[string]string `json:"contents,omitempty"`

	// Values are the secrets that containers are to get, by Slot. A saved plan
	// has none of them: they are read again.
	Values map[string]spec.Sensitive `json:"-"`
}

// Secret is where the value of a secret block is read.
type Secret struct {
	Name string `json:"name"`
	Root string `json:"root"` // folder that a relative File is in
	File string `json:"file"`
}

// Slot names one setting of one container that holds a secret.
func Slot(container, path string) string { return container + " " + path }

// Action is what happens to one container.
type Action string

// The actions, in the order in which a summary counts them.
const (
	Keep     Action = "keep"      // nothing
	Record   Action = "record"    // only a new generation: nothing live differs
	Adopt    Action = "adopt"     // taken over as it is
	Create   Action = "create"    // made, and started if wanted
	Update   Action = "live"      // changed where it runs
	Rename   Action = "rename"    // the same container under another name
	Restart  Action = "restart"   // stopped, changed, started
	Stop     Action = "stop"      // stopped and left so
	Recreate Action = "recreate"  // given a new, empty writable layer
	Retire   Action = "retire"    // stopped and put into the attic
	Forget   Action = "forget"    // managed no more, and left as it is
	Orphan   Action = "orphan"    // left the config; reported only
	Held     Action = "held"      // its digest was rejected before; skipped
	Paused   Action = "suspended" // by the operator's word; skipped
	Pending  Action = "pending"   // differs only in what waits for a restart
)

// Cause says why a setting is in the plan.
type Cause string

// The causes, by comparing last applied, wanted and live.
const (
	Changed  Cause = "changed"  // the text changed
	Drift    Cause = "drift"    // changed behind strake's back; the text did not
	Conflict Cause = "conflict" // both changed, differently
	Waiting  Cause = "pending"  // recorded, and takes effect at the next start
	Settled  Cause = "settled"  // the text changed to what is live already
)

// Change is one setting that is not as wanted.
type Change struct {
	Path   string      `json:"path"`
	Old    string      `json:"old,omitempty"`  // live; "" when not there
	New    string      `json:"new,omitempty"`  // wanted; "" when to be gone
	Last   string      `json:"last,omitempty"` // in the current generation
	Impact spec.Impact `json:"impact"`
	Cause  Cause       `json:"cause"`
	Pos    spec.Pos    `json:"pos,omitzero"`
}

// redact takes the digests of secrets off, when all is concluded from them.
func (c *Change) redact() {
	rotated := c.Old != c.New && resource.Shown(c.Old) == resource.Redacted && resource.Shown(c.New) == resource.Redacted
	c.Old, c.New, c.Last = resource.Shown(c.Old), resource.Shown(c.New), resource.Shown(c.Last)
	if rotated {
		c.New = resource.Rotated
	}
}

// ContainerPlan is what happens to one container, and the three states that
// it was concluded from.
type ContainerPlan struct {
	Name     string            `json:"name"`
	Group    string            `json:"group,omitempty"` // the for_each block that it is one of
	Was      string            `json:"was,omitempty"`   // the name under which it stands until it is renamed
	Action   Action            `json:"action"`
	Impact   spec.Impact       `json:"impact"`            // as it strikes what is running now
	From     int               `json:"from"`              // current generation; 0 none
	To       int               `json:"to"`                // generation after; equal to From when none is made
	New      bool              `json:"new"`               // To has to be written; else it exists
	As       int               `json:"as,omitempty"`      // the generation that To is again, under another name
	Removed  string            `json:"removed,omitempty"` // action of the removed block that speaks of it
	Stack    string            `json:"stack,omitempty"`   // that it belongs to, where the plan is about several
	Left     []Change          `json:"left,omitempty"`    // drift that is left as it is: to undo it would strike too hard
	Changes  []Change          `json:"changes,omitempty"`
	Deferred bool              `json:"deferred,omitempty"` // what needs a restart waits
	Same     int               `json:"same"`               // settings that stay as they are
	Note     string            `json:"note,omitempty"`
	Behind   string            `json:"behind,omitempty"`  // the container on hold that goes first of its group
	ByHand   bool              `json:"by_hand,omitempty"` // up, or not, by the operator's word and against Want
	Digest   string            `json:"digest"`            // of Want
	UUID     string            `json:"uuid"`
	Basis    string            `json:"basis"`          // of what was observed
	Data     *Data             `json:"data,omitempty"` // nil: its data stay
	Point    *Point            `json:"snapshot,omitempty"`
	Reset    *Reset            `json:"reset,omitempty"`
	Builds   int               `json:"builds,omitempty"`  // system layers that are built before anything is changed
	Volumes  []resource.Volume `json:"volumes,omitempty"` // that are deleted with it
	Hidden   []string          `json:"hidden,omitempty"`  // paths of new system layers that the container's own writing hides

	Want *resource.Container `json:"want,omitempty"` // nil: to be gone
	Last *resource.Container `json:"last,omitempty"` // nil: never applied
	Have resource.Observed   `json:"have"`

	Away  time.Duration `json:"away_ns,omitempty"` // expected downtime, in nanoseconds; 0: none, or not known
	Steps []Step        `json:"steps,omitempty"`
}

// Data says that a container's data are taken back, and which.
type Data struct {
	Of    int                   `json:"of"`              // the generation whose data they are
	Files []resource.FileChange `json:"files,omitempty"` // the first of those that change, by path
	Count int                   `json:"count"`           // all of them
}

// Reset says that local changes of a container are dropped.
type Reset struct {
	Paths []string `json:"paths"` // absolute
	From  []int    `json:"from"`  // the layers that have them
	Layer int      `json:"layer"` // made of those, without what is at the paths
}

// Point is a snapshot of a container's data: a generation that is recorded
// beside the current one.
type Point struct {
	Live   bool  `json:"live,omitempty"` // of a copy, while the container runs
	Number int   `json:"number"`
	Layers []int `json:"layers"`
}

// NetworkPlan is what happens to one managed network.
type NetworkPlan struct {
	Name    string            `json:"name"`
	Action  Action            `json:"action"` // Create, Update, Keep, Retire
	Changes []Change          `json:"changes,omitempty"`
	Want    *resource.Network `json:"want,omitempty"`
	Have    *resource.Network `json:"have,omitempty"`
	Pos     spec.Pos          `json:"pos,omitzero"`
}

// Empty says whether there is nothing to do.
func (p Plan) Empty() bool {
	for _, c := range p.Containers {
		if c.Action.acts() {
			return false
		}
	}
	for _, n := range p.Networks {
		if n.Action.acts() {
			return false
		}
	}
	for _, v := range p.Volumes {
		if len(v.Changes) > 0 {
			return false
		}
	}
	return true
}

// Differs says whether anything is not as wanted, also what a plan only reports.
func (p Plan) Differs() bool {
	if !p.Empty() {
		return true
	}
	for _, c := range p.Containers {
		if c.Action != Keep {
			return true
		}
	}
	return false
}

// Impact is the worst of all containers.
func (p Plan) Impact() spec.Impact {
	worst := spec.None
	for _, c := range p.Containers {
		if c.Action.acts() {
			worst = max(worst, c.Impact)
		}
	}
	return worst
}

// Acting lists the containers that something is done to.
func (p Plan) Acting() []ContainerPlan {
	var list []ContainerPlan
	for _, c := range p.Containers {
		if c.Action.acts() {
			list = append(list, c)
		}
	}
	return list
}

func (a Action) acts() bool {
	switch a {
	case Keep, Orphan, Held, Paused, Pending:
		return false
	}
	return true
}

// Stepping lists the containers that steps are taken for.
func (p Plan) Stepping() []ContainerPlan {
	return slices.DeleteFunc(p.Acting(), func(c ContainerPlan) bool { return len(c.Steps) == 0 })
}

// Stands is the name that the container has before the plan is carried out.
func (c ContainerPlan) Stands() string { return cmp.Or(c.Was, c.Name) }

// Acts says whether the container is changed at all.
func (c ContainerPlan) Acts() bool { return c.Action.acts() }

// Starts says whether an init is brought up.
func (c ContainerPlan) Starts() bool {
	return slices.ContainsFunc(c.Steps, func(s Step) bool { return s.Do == DoStart })
}

// Proves says whether the container has to show that the change did it good. That
// it is judged in another way is a change too: a generation that counts as healthy
// has passed its own checks.
func (c ContainerPlan) Proves() bool {
	if c.Want == nil || c.Want.Health == nil || c.Action == Adopt {
		return false
	}
	judged := c.To != c.From && c.changes("health")
	return c.Starts() || c.Have.State.Up() && (c.Impact == spec.Live || judged) && len(c.Steps) > 0
}
