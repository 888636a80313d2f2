// Package event is what strake tells of its doings: one type for progress on a
// terminal, for the diary of the state folder, and for whoever listens to the
// agent. It is a plain value that holds names, numbers and reasons, and of
// settings neither values nor the text of a configuration.
package event

import "time"

// Version is that of the form. Keys and words may be added to it; those that
// are there keep their meaning.
const Version = 1

// Event says that something was begun or has ended.
type Event struct {
	Version   int       `json:"version"`
	Time      time.Time `json:"time"`
	Kind      Kind      `json:"kind"`
	Outcome   Outcome   `json:"outcome"`
	Run       string    `json:"run,omitempty"`       // id of the run that it belongs to
	Command   string    `json:"command,omitempty"`   // of a run: "apply", "rollback", "start", ...
	By        string    `json:"by,omitempty"`        // of a run: who
	Stack     string    `json:"stack,omitempty"`     //
	Commit    string    `json:"commit,omitempty"`    // of the text
	Container string    `json:"container,omitempty"` //
	Source    string    `json:"source,omitempty"`    // of the agent: where its text comes from
	State     string    `json:"state,omitempty"`     // of a source, as `strake status` has it
	Step      string    `json:"step,omitempty"`      // of a container's way
	From      int       `json:"from,omitempty"`      // generation
	To        int       `json:"to,omitempty"`        // generation
	Error     string    `json:"error,omitempty"`
	Message   string    `json:"message,omitempty"` // for people
}

// Kind is what an event is about.
type Kind string

// The kinds.
const (
	Run       Kind = "run"       // a command, or a pass of the agent, that changes something
	Container Kind = "container" // what becomes of one in a run
	Step      Kind = "step"      // of its way
	Source    Kind = "source"    // where the agent's text comes from
	Drift     Kind = "drift"     // between a container and its generation
	Heal      Kind = "heal"      // of a drift
	Store     Kind = "store"     // what images and system layers are kept in
	Agent     Kind = "agent"     // the agent itself
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{Run, Container, Step, Source, Drift, Heal, Store, Agent} }

// Outcome is what happened.
type Outcome string

// The outcomes.
const (
	Begun    Outcome = "begun"
	Proving  Outcome = "proving" // waits for a changed container to show that it is well
	Done     Outcome = "done"
	Failed   Outcome = "failed"
	Undone   Outcome = "undone"  // what was before is back
	Kept     Outcome = "kept"    // left as it is, though it failed
	Stuck    Outcome = "stuck"   // and so did the way back
	Skipped  Outcome = "skipped" // something that it needs failed
	Fetched  Outcome = "fetched" // new text was found
	Same     Outcome = "same"    // nothing new
	Refused  Outcome = "refused" // by policy
	Waiting  Outcome = "waiting" // for an approval, a window, a confirmation
	Found    Outcome = "found"   // drift
	Gone     Outcome = "gone"    // drift
	Crashed  Outcome = "crashed" // drift: it is down, and nobody said that it shall be
	Flapping Outcome = "flapping"
	Damaged  Outcome = "damaged" // something stored is not what it was
	Started  Outcome = "started"
	Reloaded Outcome = "reloaded"
	Stopped  Outcome = "stopped"
)

// Outcomes lists them.
func Outcomes() []Outcome {
	return []Outcome{Begun, Proving, Done, Failed, Undone, Kept, Stuck, Skipped, Fetched, Same, Refused, Waiting, Found, Gone, Crashed, Flapping, Damaged, Started, Reloaded, Stopped}
}

// Forced says whether it is a step that was done, though not in the way that it should be.
func (e Event) Forced() bool { return e.Kind == Step && e.Outcome == Done && e.Error != "" }

// longest is how much of a reason is told; the record of the run has it whole.
const longest = 4096

// Sealed is the event as it goes out: with its version and a time, and no text
// longer than people read.
func (e Event) Sealed(now time.Time) Event {
	e.Version = Version
	if e.Time.IsZero() {
		e.Time = now
	}
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	e.Error, e.Message = short(e.Error), short(e.Message)
	return e
}

func short(s string) string {
	if len(s) <= longest {
		return s
	}
	return s[:longest] + "..."
}
