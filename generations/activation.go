package generations

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"
)

// Kind says by what a generation was activated.
type Kind string

// The kinds of activation.
const (
	Apply    Kind = "apply"
	Rollback Kind = "rollback" // back to an earlier one, by hand or by itself
	Switch   Kind = "switch"   // to any one, by number
	Import   Kind = "import"   // taken over as it was
	Snapshot Kind = "snapshot" // itself again, on a new layer: the one before is the snapshot
	Recover  Kind = "recover"  // what a later run made of an interrupted one

	Heal Kind = "heal" // the one in use, against what was changed behind its back; no activation
	Boot Kind = "boot" // the one in use, after the host came up; no activation
)

// Mends says whether a run of this kind brings back what the generation in use
// says: it activates nothing, and has nothing to go back to.
func (k Kind) Mends() bool { return k == Heal || k == Boot }

// Outcome says how an activation ended.
type Outcome string

// The outcomes.
const (
	Healthy Outcome = "healthy"
	Failed  Outcome = "failed"
)

// Activation is one line of the history: what was put to use, when and how it
// ended.
type Activation struct {
	Time       time.Time `json:"time"`
	Generation int       `json:"generation"`
	Run        string    `json:"run,omitempty"`
	By         string    `json:"by,omitempty"`
	Kind       Kind      `json:"kind"`
	Outcome    Outcome   `json:"outcome"`
	Note       string    `json:"note,omitempty"`
}

// Activate adds a line to the history. All that was done to the book up to
// here is then on disk, and it need not have been before: one wait for the
// disk instead of one for each name.
func (b *Book) Activate(a Activation) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("record activation: %w", err)
	}
	line, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("record activation: %w", err)
	}
	if err := b.append(append(line, '\n')); err != nil {
		return fmt.Errorf("record activation: %w", err)
	}
	return nil
}

func (a Activation) check() error {
	if a.Generation < 1 {
		return fmt.Errorf("no generation %d", a.Generation)
	}
	switch a.Kind {
	case Apply, Rollback, Switch, Import, Snapshot, Recover:
	default:
		return fmt.Errorf("unknown kind %q", a.Kind)
	}
	if a.Outcome != Healthy && a.Outcome != Failed {
		return fmt.Errorf("unknown outcome %q", a.Outcome)
	}
	return nil
}

// append adds a line behind the last whole one: what a crash left of a line
// was never promised to anyone, and is cut off.
func (b *Book) append(line []byte) error {
	path := b.path("activations.jsonl")
	old, from, err := readEnd(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b.begin(path, line)
	}
	if err != nil {
		return err
	}
	if whole := bytes.LastIndexByte(old, '\n') + 1; whole < len(old) {
		if err := b.d.truncate(path, from+int64(whole)); err != nil {
			return err
		}
	}
	if err := b.d.appendTo(path, line); err != nil {
		return err
	}
	return b.settle()
}

// begin makes the history. What a crash leaves of its first line counts as
// little as what it leaves of any other.
func (b *Book) begin(path string, line []byte) error {
	if err := b.d.makeDirs(b.path("generations")); err != nil {
		return err
	}
	if err := b.d.create(path, line, 0o644); err != nil {
		return err
	}
	return b.settle()
}

// settle makes durable what is in the book: where a history points to a
// generation, that is there. The parent folder's fsync is for a new book.
func (b *Book) settle() error {
	if err := b.d.sync(b.path("generations"), b.dir, filepath.Dir(b.dir)); err != nil {
		return err
	}
	return b.d.sync(b.path("activations.jsonl"))
}

// Failed says whether a generation did not prove itself when it was put to use last.
func (b *Book) Failed(n int) bool {
	list, _ := b.Activations() // what is damaged tells nothing
	for _, a := range slices.Backward(list) {
		if a.Generation == n {
			return a.Outcome == Failed
		}
	}
	return false
}

// Activations reads the history, oldest first. A last line that was never
// finished does not count. A damaged line does not hide the others: the error
// (ErrDamaged) names it, beside the activations that are whole.
func (b *Book) Activations() ([]Activation, error) {
	text, _, err := readEnd(b.path("activations.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read activations: %w", err)
	}
	return decodeActivations(text)
}

func decodeActivations(text []byte) ([]Activation, error) {
	var list []Activation
	var bad []error
	for number := 1; ; number++ {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return list, errors.Join(bad...)
		}
		text = rest
		var a Activation
		err := json.Unmarshal(line, &a)
		if err == nil {
			err = a.check()
		}
		if err != nil {
			bad = append(bad, damaged(fmt.Sprintf("activations.jsonl:%d", number), err))
			continue
		}
		list = append(list, a)
	}
}
